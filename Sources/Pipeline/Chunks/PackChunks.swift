internal import Elements
internal import Geometry
internal import Ledger
internal import Stores
internal import Threads
internal import Volumes

/// The chunks of a planned array in an item's pack.
struct PackChunks: ChunkSource {
    private let array: PlannedArray
    private let pack: Pack

    init(_ array: PlannedArray, pack: Pack) {
        self.array = array
        self.pack = pack
    }

    var shape: ZYX<Int> { array.plan.grid.shape }
    var chunkShape: ZYX<Int> { array.chunkShape }
    var elementType: ElementType { array.metadata.elementType }
    var fillValue: [UInt8] { array.metadata.fillValue }

    /// - Throws: ``LedgerError`` `.corrupt` where the pack neither holds the chunk nor knows that the store does not.
    func chunk(_ index: ZYX<Int>) async throws -> ByteBuffer? {
        let (array, pack) = (array, pack)
        return try await ThreadPool.compute.run { () throws -> ByteBuffer? in
            let key = array.key(index)
            guard let encoded = try pack.read(key) else {
                guard pack.isAbsent(key) else {
                    throw LedgerError(.corrupt, path: pack.path, "the chunk \(key) has not been downloaded")
                }
                return nil
            }
            return try encoded.withSpan { bytes throws(VolumeError) in try array.metadata.decodeChunk(bytes, key: key) }
        }
    }
}
