public import Elements
public import Geometry
public import Ledger
internal import Stores
internal import Threads
internal import Volumes

/// The chunks of a planned array in an item's pack.
public struct PackChunks: ChunkSource {
    private let array: PlannedArray
    private let pack: Pack
    private let shards: PackShards?

    public init(_ array: PlannedArray, pack: Pack) {
        self.array = array
        self.pack = pack
        shards = array.shards.map { PackShards($0, pack: pack) }
    }

    public var shape: ZYX<Int> { array.plan.grid.shape }
    public var chunkShape: ZYX<Int> { array.chunkShape }
    public var elementType: ElementType { array.metadata.elementType }
    public var fillValue: [UInt8] { array.metadata.fillValue }

    /// - Throws: ``LedgerError`` `.corrupt` where the pack neither holds the chunk nor knows that the store does not.
    public func chunk(_ index: ZYX<Int>) async throws -> ByteBuffer? { try await storedChunk(index)?.decoded }

    /// A chunk as it came from the store, and what it decodes to; nil where the store does not hold it.
    func storedChunk(_ index: ZYX<Int>) async throws -> (stored: ByteBuffer, decoded: ByteBuffer)? {
        try await ThreadPool.compute.run { () throws -> (ByteBuffer, ByteBuffer)? in
            guard let stored = try stored(index) else { return nil }
            let key = array.key(index)
            let decoded = try stored.withSpan { bytes throws(VolumeError) in try array.decode(bytes, key: key) }
            return (stored, decoded)
        }
    }

    /// The encoded bytes of a chunk. Blocks.
    private func stored(_ index: ZYX<Int>) throws -> ByteBuffer? {
        let key = array.key(index)
        if let bytes = try pack.read(key) { return bytes }
        if array.isAbsent(index, in: pack) { return nil }
        if let shards, let place = array.place(index), pack.knows(place.key) {
            return try shards.read(place.position, of: place.key)
        }
        throw LedgerError(.corrupt, path: pack.path, "the chunk \(key) has not been downloaded")
    }
}
