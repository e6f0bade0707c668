public import Arrays
public import HDF5
public import JSONText
public import Ledger

/// How many chunks of an item's raw data the store has. Without any, the file holds the fill value only.
public struct RawCoverage: Sendable, Equatable {
    /// Chunks that the box needs.
    let chunks: Int
    /// Those of them that the store has.
    let stored: Int

    public init(chunks: Int, stored: Int) { (self.chunks, self.stored) = (chunks, stored) }

    /// From the record of a download; nil in records of earlier versions.
    public init?(_ download: Record?) {
        guard let chunks = download?.result["raw_chunks"]?.integer,
            let stored = download?.result["raw_stored_chunks"]?.integer
        else { return nil }
        self.init(chunks: chunks, stored: stored)
    }

    /// Of an array whose chunks are all in a pack, or known not to be stored.
    public init(of array: PlannedArray, in pack: Pack) {
        self.init(chunks: array.chunkCount, stored: array.chunkCount - array.absentCount(in: pack))
    }

    /// From the attributes of a crop's raw data; nil without them.
    init?(_ attributes: [String: AttributeValue]) {
        guard let chunks = attributes["chunks"]?.integer, let stored = attributes["stored_chunks"]?.integer else {
            return nil
        }
        self.init(chunks: chunks, stored: stored)
    }

    var isNothing: Bool { chunks > 0 && stored == 0 }

    /// Members of the record of a download.
    public var members: [String: JSONValue] {
        ["raw_chunks": .integer(chunks), "raw_stored_chunks": .integer(stored)]
    }

    /// Attributes of the raw data of a crop file.
    public var attributes: [(String, AttributeValue)] {
        [("chunks", .integer(Int64(chunks))), ("stored_chunks", .integer(Int64(stored)))]
    }

    /// Members of a crop's raw data in the text outputs.
    var json: [String: JSONValue] { ["chunks": .integer(chunks), "stored_chunks": .integer(stored)] }

    /// What `verify` and the log say of an item without any stored raw data; nil for other items.
    public var note: String? {
        guard isNothing else { return nil }
        return "none of the \(chunks) chunks of its raw data is stored: the raw data are fill value throughout"
    }

    /// Puts these numbers into the entry of a crop in `attributes.json` or `crops.json`.
    public func added(to entry: JSONValue) -> JSONValue {
        guard var members = entry.object, var raw = members["raw"]?.object else { return entry }
        raw.merge(json) { $1 }
        members["raw"] = .object(raw)
        return .object(members)
    }
}
