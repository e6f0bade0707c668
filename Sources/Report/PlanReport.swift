internal import Arrays
internal import Elements
internal import JSONText
public import Job
internal import Ledger
internal import Manifest
internal import Planning
internal import Scheduling

/// What a run would do, without doing any of it: for `cristae plan`.
public struct PlanReport: Sendable {
    /// One JSON document: items, what is left out and why, what only its labels can decide, requests, bytes, files, memory, and a line for each item that is left to do.
    public let text: String
    /// What could not be planned, a line each.
    public let failures: [String]

    /// Asks the store for metadata that are not known yet, never for chunks.
    public init(_ context: JobContext) async throws {
        let (plans, datasetFailures) = try await Discover(context).run()
        let only = try ItemFilter(context.manifest.only)
        let items = plans.flatMap(\.items).filter { only.takes($0) }
        let survey = try await ItemSurvey.of(items, context)
        let leftOut =
            plans.flatMap { $0.plan.leftOut ?? [] }.filter { only.takes($0.name, of: $0.dataset) }
            + survey.leftOut.values
        var (requests, bytes, open, undecided) = (0, 0, 0, 0)
        var lines: [String] = []
        for plan in plans {
            let onlyByLabels = Set(plan.plan.undecided ?? [])
            for item in plan.items where only.takes(item) && !survey.isSettled(item.name) {
                open += 1
                if onlyByLabels.contains(item.ownName), !survey.has(.download, item) { undecided += 1 }
                lines.append(String(decoding: plan.index[item.summary], as: UTF8.self))
                guard !survey.has(.download, item) else { continue }
                requests = requests.saturatingAdd(item.chunks)
                bytes = bytes.saturatingAdd(item.bytes)
            }
        }
        failures = (datasetFailures + plans.flatMap(\.plan.failures)).filter { only.takes($0) }.map(\.description)
        let head: JSONValue = [
            "datasets": .integer(plans.count { $0.plan.isSelected }), "datasets_seen": .integer(plans.count),
            "items": .integer(items.count - survey.leftOut.count),
            "items_done": .integer(items.count - survey.leftOut.count - open),
            "left_out": .array(leftOut.sorted { $0.order < $1.order }.map(\.json)),
            "undecided": .integer(undecided),
            "requests": .integer(requests), "decoded_bytes_at_most": .integer(bytes),
            "files": .integer(2 * open), "memory_bytes": .integer(context.manifest.limits.memory),
            "failures": .array(failures.map { .string($0) }),
        ]
        text = ShownText.lines(head.prettyText(adding: "to_do", lines: lines))
    }
}
