internal import Codecs
public import Elements
public import Geometry
internal import HDF5
public import Ledger
internal import Threads
internal import Volumes

/// Makes the chunks of an HDF5 dataset from the stored chunks of a block.
public struct VolumeEncoder: Sendable {
    private let array: VolumeArray
    private let chunks: PackChunks
    private let source: CachedChunks
    /// Whether to look for 255 and for other values.
    private let looksAtValues: Bool
    /// Whether to look for ids beyond 255.
    private let looksBeyond: Bool

    public init(array: VolumeArray, pack: Pack, cacheBytes: Int, looksAtValues: Bool, looksBeyond: Bool) {
        self.array = array
        self.looksBeyond = looksBeyond
        self.looksAtValues = looksAtValues
        chunks = PackChunks(array.planned, pack: pack)
        source = CachedChunks(chunks, limit: cacheBytes)
    }

    /// Decoded bytes of an HDF5 chunk.
    public var chunkByteCount: Int { array.chunkShape.product * array.layout.elementType.byteCount }

    /// The encoded chunk at an index; nil where nothing of it is stored.
    public func encode(_ index: ZYX<Int>) async throws -> (bytes: ByteBuffer, values: ChunkLog.LabelValues?)? {
        if let passthrough = array.passthrough { return try await pass(index, through: passthrough) }
        let box = array.layout.box(ofChunk: index)
        if try await source.isUnstored(box) { return nil }
        var voxels = try await source.window(box).bytes
        if let mask = array.mask {
            let stored = voxels
            voxels = await ThreadPool.compute.run { mask.mask(stored) }
        }
        let values = await values(of: voxels)
        return (try await array.layout.encoded(voxels, of: box), values)
    }

    private func pass(
        _ index: ZYX<Int>, through passthrough: ChunkPassthrough
    ) async throws -> (bytes: ByteBuffer, values: ChunkLog.LabelValues?)? {
        guard let (stored, decoded) = try await chunks.storedChunk(index) else { return nil }
        let layout = array.layout
        let bytes = try await ThreadPool.compute.run { () throws in
            try passthrough.passed(stored, 0..<stored.count, decoded: decoded) ?? layout.encoded(decoded)
        }
        // Voxels beyond the array may have any value.
        let (box, full) = (chunks.coveredBox(ofChunk: index), chunks.box(ofChunk: index))
        guard box != full, looksAtValues || looksBeyond else { return (bytes, await values(of: decoded)) }
        let inside = ByteBuffer(count: box.volume * layout.elementType.byteCount)
        decoded.copyOverlap(of: full, into: inside, box: box, elementByteCount: layout.elementType.byteCount)
        return (bytes, await values(of: inside))
    }

    private func values(of voxels: ByteBuffer) async -> ChunkLog.LabelValues? {
        guard looksAtValues || looksBeyond else { return nil }
        let (type, looksBeyond) = (array.layout.elementType, looksBeyond)
        return await ThreadPool.compute.run { ChunkLog.LabelValues(of: voxels, type, beyond: looksBeyond) }
    }
}

extension ChunkLog.LabelValues {
    /// - Parameter beyond: whether ids beyond 255 are looked for.
    public init(of voxels: ByteBuffer, _ type: ElementType, beyond: Bool) {
        self.init(
            has255: LabelScan.hasValue(in: voxels, type) { $0 == 255 },
            hasOthers: LabelScan.hasValue(in: voxels, type) { $0 != 0 && $0 != 255 },
            hasIdsBeyond: beyond ? ValueWatch.found(in: voxels, type).hasBeyond : nil)
    }
}

extension ChunkSource {
    /// Whether no chunk of a box is stored; what is beyond the array is not.
    func isUnstored(_ box: Box) async throws -> Bool {
        guard let inside = box.intersection(Box(shape: shape)) else { return true }
        let indices = inside.blocks(of: chunkShape)
        for offset in 0..<indices.volume where try await chunk(indices.index(at: offset)) != nil { return false }
        return true
    }
}
