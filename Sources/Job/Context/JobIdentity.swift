internal import Arrays
internal import Elements
internal import Foundation
internal import JSONText
public import Ledger
internal import Logging

/// To which job an output folder belongs: `state/job.json` holds a random id, `.work/job.json` in the output that id and the state folder's
/// path. Two jobs in one output would overwrite each other's files.
///
/// All functions block.
public struct JobIdentity: Sendable {
    private static let statePath = "job.json"
    private static let outputPath = ".work/job.json"
    /// How long a file is waited for that somebody is just writing, in milliseconds.
    private static let patience = 1000

    public let context: JobContext

    public init(context: JobContext) {
        self.context = context
    }

    /// What one of the two files says.
    private struct Tag: Codable, Equatable {
        public var id: String
        /// The path of the state folder; nil in the state folder itself.
        public var state: String?

        public var isSound: Bool { (1...64).contains(id.utf8.count) && id.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } }
    }

    /// Makes the output this job's where it is nobody's, or was made by an earlier version, which knew no tags.
    ///
    /// - Parameter adopting: whether it is taken over where it is another job's.
    /// - Throws: ``JobError/badManifest(_:)`` where it is another job's.
    public func settle(adopting: Bool) throws {
        if !adopting { try check() }
        let own = try ownTag()
        for _ in 0..<100 {
            guard let found = try patientTag(Self.outputPath, in: context.output) else {
                if try context.output.create(try text(own), at: Self.outputPath) { return }
                // Somebody has made it meanwhile, or it says nothing.
                if try patientTag(Self.outputPath, in: context.output) == nil {
                    try context.output.write(try text(own), to: Self.outputPath)
                }
                continue
            }
            if found == own { return }
            if !isOwn(found, id: own.id) {
                guard adopting else { throw refusal(found) }
                context.logger.notice(
                    "\(context.output.path) is taken over from the job of \(found.state ?? "another state folder")",
                    metadata: ["event": "output_adopted"])
            }
            try context.output.write(try text(own), to: Self.outputPath)
        }
        throw JobError.locked("\(context.output.path)/\(Self.outputPath) changes again and again")
    }

    /// Looks whether the output is this job's, or nobody's. Writes nothing.
    ///
    /// - Throws: ``JobError/badManifest(_:)`` where it is another job's.
    public func check() throws {
        guard let found = try patientTag(Self.outputPath, in: context.output) else { return }
        let own = try patientTag(Self.statePath, in: context.state)
        if !isOwn(found, id: own?.id) { throw refusal(found) }
    }

    /// The same id; or the same place of a state that has been begun anew.
    private func isOwn(_ found: Tag, id: String?) -> Bool { found.id == id || found.state == context.state.path }

    private func refusal(_ found: Tag) -> JobError {
        .badManifest(
            "\(context.output.path) belongs to the job whose state is in \(found.state ?? "an unknown folder"), the state of this job is in "
                + "\(context.state.path): give it another output, or take this one over by cristae run --adopt-output")
    }

    /// This job's tag; its id is made where there is none.
    private func ownTag() throws -> Tag {
        let new = Tag(id: UUID().uuidString.lowercased(), state: nil)
        var known = try patientTag(Self.statePath, in: context.state)
        if known == nil, try context.state.create(try text(new), at: Self.statePath) { known = new }
        if known == nil { known = try patientTag(Self.statePath, in: context.state) }
        if known == nil {
            // It is there and says nothing.
            try context.state.write(try text(new), to: Self.statePath)
            known = new
        }
        return Tag(id: (known ?? new).id, state: context.state.path)
    }

    private func text(_ tag: Tag) throws -> [UInt8] { try JSONFile.encode(tag, pretty: true) }

    /// What a file says; nil where there is none, or it says nothing although it has been waited for.
    private func patientTag(_ path: String, in folder: ConfinedFolder) throws -> Tag? {
        for pause in [0, Self.patience] {
            if pause > 0 { usleep(UInt32(pause * 1000)) }
            guard let bytes = try folder.read(path, maximumBytes: 1 << 20) else { return nil }
            if let tag = try? JSONFile.decode(Tag.self, from: bytes), tag.isSound { return tag }
        }
        return nil
    }
}

extension JobIdentity {
    /// Removes what killed processes have left of tags that were just being made. By then the tags are there, and nobody makes one. Blocks.
    public static func removeLeftovers(_ context: JobContext) throws(LedgerError) {
        for (folder, place) in [(context.output, ".work/"), (context.state, "")] {
            for name in try folder.list(String(place.dropLast())) where name.hasBytePrefix(".job.json.") {
                try folder.remove(place + name)
            }
        }
    }
}
