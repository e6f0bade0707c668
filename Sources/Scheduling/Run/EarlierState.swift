internal import JSONText
internal import Job
internal import Ledger
internal import Logging
internal import Planning
internal import Threads

/// A state directory that an earlier version of the program has made. What is still right in it stays; what has changed meaning is made
/// again, and one line says how much.
struct EarlierState: Sendable {
    /// Goes up whenever what an earlier version has made may have to be made again.
    static let rules = 2

    private static let path = "rules.json"
    private static let maximumBytes = 1 << 10

    let context: JobContext

    /// Tells once what becomes of the items that an earlier version has converted.
    ///
    /// - Parameters:
    ///   - items: those that the job has now.
    ///   - leftOut: names of those that it leaves out.
    func tell(_ items: [ItemEntry], leftOut: [String]) async throws {
        let converted = try await context.state.run { () -> Set<String>? in
            let text = try context.state.folder.read(Self.path, maximumBytes: Self.maximumBytes)
            let kept = text.flatMap { try? JSONValue(parsing: $0) }?["rules"]?.integer ?? 1
            guard kept < Self.rules else { return nil }
            var names: Set<String> = []
            for name in try context.state.records.items()
            where try context.state.folder.fileSize("records/\(name)/convert.json") != nil {
                names.insert(name)
            }
            return names
        }
        guard let converted else { return }
        if !converted.isEmpty {
            let known = items.filter { converted.contains($0.name) }
            let survey = try await ItemSurvey.of(known, context)
            let statistics = known.count { survey.begun[$0.name]?.convert != nil }
            let left = leftOut.count { converted.contains($0) } + survey.leftOut.count
            let again = known.count - survey.complete.count - statistics - survey.leftOut.count
            context.logger.notice(
                "\(context.state.folder.path) was made by an earlier version: of \(known.count + left) items, \(survey.complete.count) stay as they are, \(statistics) are measured or resized again from their files, \(again) are made again, \(left) are left out now; files that stay have neither the second names /raw and /labels nor the attributes label_quality and evidence",
                metadata: ["event": "earlier_state"])
        }
        let text = JSONValue.object(["rules": .integer(Self.rules)]).prettyText + "\n"
        try await context.state.run { try context.state.folder.update(Array(text.utf8), to: Self.path) }
    }
}
