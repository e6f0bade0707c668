public import JSONText

/// The record of a finished stage of an item: what it was made from, and its result.
public struct Record: Sendable, Hashable, Codable {
    /// A file that the stage has made, below the output directory.
    public struct Output: Sendable, Hashable, Codable {
        public let path: String
        public let digest: FileDigest
        /// `true` where the file was removed because it is no longer needed. The stage stays done without it. Never `false`.
        public let removed: Bool?

        public init(path: String, digest: FileDigest, isRemoved: Bool = false) {
            self.path = path
            self.digest = digest
            removed = isRemoved ? true : nil
        }

        /// Whether the file was removed on purpose.
        public var isRemoved: Bool { removed ?? false }

        /// Whether the file was found to differ from what the stage made.
        public var isDamaged: Bool { digest.size < 0 }
    }

    public let item: String
    public let stage: String
    /// The fingerprint of all inputs of the stage.
    public let fingerprint: Fingerprint
    public let outputs: [Output]
    /// What later stages and the summaries need to know.
    public let result: JSONValue

    public init(item: String, stage: String, fingerprint: Fingerprint, outputs: [Output], result: JSONValue) {
        self.item = item
        self.stage = stage
        self.fingerprint = fingerprint
        self.outputs = outputs
        self.result = result
    }

    /// The same record with these outputs marked as damaged by an impossible size, so that the stage is no longer done. The SHA-256 stays:
    /// results that were made from the file before its damage are still valid.
    public func distrusting(_ paths: Set<String>) -> Record {
        let outputs = outputs.map { output in
            paths.contains(output.path)
                ? Output(path: output.path, digest: FileDigest(size: -1, sha256: output.digest.sha256)) : output
        }
        return Record(item: item, stage: stage, fingerprint: fingerprint, outputs: outputs, result: result)
    }

    /// The same record with its files marked as removed. Results that were made from them are still valid.
    public var lettingGo: Record {
        let outputs = outputs.map { Output(path: $0.path, digest: $0.digest, isRemoved: true) }
        return Record(item: item, stage: stage, fingerprint: fingerprint, outputs: outputs, result: result)
    }
}

/// The records in a state directory, at `records/<item>/<stage>.json`. All functions block.
public struct RecordStore: Sendable {
    private let state: ConfinedFolder

    public init(in state: ConfinedFolder) { self.state = state }

    /// nil where there is none; one that cannot be read, or does not match its checksum, counts as none, for the stage can always be
    /// done again.
    public func record(item: String, stage: String) throws(LedgerError) -> Record? {
        guard let text = try state.read(path(item, stage), maximumBytes: 1 << 28), let text = SealedJSON.open(text),
            let record = try? JSONFile.decode(Record.self, from: text), record.item == item, record.stage == stage
        else { return nil }
        return record
    }

    /// Writes a record; from then on the stage is done.
    public func write(_ record: Record) throws(LedgerError) {
        let text: [UInt8]
        do throws(JSONError) {
            text = SealedJSON.seal(try JSONFile.encode(record, pretty: true))
        } catch {
            throw LedgerError(.cannotWrite, path: path(record.item, record.stage), error.description)
        }
        try state.write(text, to: path(record.item, record.stage))
    }

    public func remove(item: String, stage: String) throws(LedgerError) { try state.remove(path(item, stage)) }

    /// All items that have a record of any stage, sorted.
    public func items() throws(LedgerError) -> [String] { try state.list("records") }

    private func path(_ item: String, _ stage: String) -> String { "records/\(item)/\(stage).json" }
}
