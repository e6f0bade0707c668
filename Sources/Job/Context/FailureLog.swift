public import Arrays
internal import Elements
internal import Foundation
internal import JSONText
public import Ledger

/// The failures of a job, a small file `failures/<name>.json` each: every task writes its own, and whoever is last reads them all. An item
/// that is done at last has none.
public struct FailureLog: Sendable {
    /// A failure, and who had it.
    public struct Entry: Sendable, Hashable, Codable {
        public let failure: Failure
        /// The owner that noted it: a later failure of the same item is another entry.
        public let owner: String

        public init(failure: Failure, owner: String) {
            (self.failure, self.owner) = (failure, owner)
        }
    }

    private static let folder = "failures"

    public let state: ConfinedFolder

    public init(state: ConfinedFolder) {
        self.state = state
    }

    /// The name of an item's file, or of a dataset's as a whole.
    public static func name(_ failure: Failure) -> String { failure.item ?? datasetName(failure.dataset) }
    static func datasetName(_ dataset: String) -> String { ClaimName.dataset(dataset) }

    private static func path(_ name: String) -> String { "\(folder)/\(ClaimName.bounded(name)).json" }

    /// All failures, by the name of their file without its ending. Blocks.
    public func all() throws(LedgerError) -> [String: Entry] {
        var entries: [String: Entry] = [:]
        for file in try state.list(Self.folder) where file.hasByteSuffix(".json") {
            if let entry = try read("\(Self.folder)/\(file)") { entries[Self.name(entry.failure)] = entry }
        }
        return entries
    }

    /// The failure of an item or a dataset; nil where there is none. Blocks.
    public func entry(_ name: String) throws(LedgerError) -> Entry? { try read(Self.path(name)) }

    private func read(_ path: String) throws(LedgerError) -> Entry? {
        guard let text = try state.read(path, maximumBytes: 1 << 22), let text = SealedJSON.open(text),
            let entry = try? JSONFile.decode(Entry.self, from: text), path == Self.path(Self.name(entry.failure))
        else { return nil }
        return entry
    }

    /// Removes what is damaged: whoever it was about is tried again anyway. Blocks.
    public func removeDamaged() throws(LedgerError) {
        for file in try state.list(Self.folder) where file.hasSuffix(".json") {
            let path = "\(Self.folder)/\(file)"
            if try read(path) == nil { try state.remove(path) }
        }
    }

    /// Notes a failure. Blocks.
    public func note(_ failure: Failure, owner: String) throws {
        let text = SealedJSON.seal(try JSONFile.encode(Entry(failure: failure, owner: owner), pretty: true))
        try state.update(text, to: Self.path(Self.name(failure)))
    }

    /// Forgets a failure, where there is one. Blocks.
    public func forget(_ name: String) throws(LedgerError) { try state.remove(Self.path(name)) }
}
