public import Arrays
public import JSONText
public import Ledger

extension Record {
    /// Of a stage of an item that is done.
    public init(
        _ stage: Stage, of item: String, fingerprint: Fingerprint, outputs: [Output] = [], result: JSONValue = [:]
    ) {
        self.init(item: item, stage: stage.rawValue, fingerprint: fingerprint, outputs: outputs, result: result)
    }
}

extension RecordStore {
    /// nil where there is none that can be read. Blocks.
    public func record(item: String, stage: Stage) throws(LedgerError) -> Record? {
        try record(item: item, stage: stage.rawValue)
    }

    /// Blocks.
    public func remove(item: String, stage: Stage) throws(LedgerError) {
        try remove(item: item, stage: stage.rawValue)
    }
}
