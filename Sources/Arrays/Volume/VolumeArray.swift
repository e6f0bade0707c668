internal import Elements
public import Geometry
public import HDF5
public import Manifest
public import Stores
internal import Volumes

/// One array of a volume: how its stored chunks become chunks of an HDF5 dataset.
///
/// A unit is the smallest box that holds whole stored chunks and whole HDF5 chunks, so that no object is needed for two units. A block is a run of units
/// that are downloaded and converted together.
public struct VolumeArray: Sendable {
    /// Edge of the HDF5 chunks in voxels, where the stored chunks allow it.
    private static let chunkEdge = Encoding.chunkEdge
    /// Decoded bytes of a unit above which HDF5 chunks are not made longer than stored ones.
    private static let unitBytes = 32 << 20
    /// Decoded bytes and objects of a block, unless one unit alone has more.
    private static let blockBytes = 256 << 20
    private static let blockObjects = 2048

    public let planned: PlannedArray
    /// How a mask of 0 and 1 is made from the array's ids; nil where the dataset holds the array's own values.
    public let derivation: DerivePlan?
    /// Makes that mask.
    public let mask: IdentifierMask?
    public let layout: DatasetLayout
    /// Voxels of an HDF5 chunk.
    public let chunkShape: ZYX<Int>
    /// Takes over stored chunks as they are; nil where all chunks are encoded anew.
    let passthrough: ChunkPassthrough?
    /// Voxels of a unit.
    let unitShape: ZYX<Int>
    /// Indices of all units.
    public let units: Box
    /// Units that are downloaded and converted together, in scan order.
    let unitsPerBlock: Int

    public var plan: ArrayPlan { planned.plan }
    public var isLabel: Bool { plan.annotation != nil }
    /// Whether the meaning of the values depends on which values occur.
    public var hasOpenValues: Bool { isLabel && derivation == nil }
    public var blockCount: Int { (units.volume + unitsPerBlock - 1) / unitsPerBlock }

    /// - Parameters:
    ///   - root: key of the container; what follows it is the name of the dataset.
    ///   - derivation: where the dataset is another class, made from the array.
    public init(
        _ plan: ArrayPlan, root: String, store: StoreURL, compression: Manifest.Convert.Compression, memory: Int,
        derivation: DerivePlan? = nil
    ) throws {
        self.derivation = derivation
        planned = try PlannedArray(plan, store: store)
        let (metadata, stored) = (planned.metadata, planned.chunkShape)
        try planned.checkMemory(memory, store: store)
        let type = derivation == nil ? metadata.elementType : .uint8
        mask = derivation.map {
            IdentifierMask(elementType: metadata.elementType, ids: $0.ids, unknownValues: plan.unknownValues)
        }
        let shape = plan.grid.shape
        let encoding = Encoding(
            compression, elementType: type, shape: shape, isLabel: plan.annotation != nil,
            source: planned)
        let (kept, byteCount) = (planned.codecSummary, planned.chunkByteCount)
        passthrough =
            compression == .source && derivation == nil
            ? kept.map { ChunkPassthrough(codec: $0.name, elementType: type, chunkByteCount: byteCount) } : nil
        let wanted = compression == .source ? stored : Self.chunkShape(for: stored, type.byteCount)
        unitShape = Self.unitShape(wanted.zip(stored, max), planned)
        // Chunks that are passed through are stored in full; others are never longer than the array.
        chunkShape = compression == .source ? stored : wanted.zip(shape) { max(1, min($0, $1)) }
        layout = DatasetLayout(
            path: derivation.map { ArrayPlan.path(of: $0, below: root) } ?? ArrayPlan.path(of: plan.key, below: root),
            elementType: type, shape: shape.array, chunkShape: chunkShape.array, filter: encoding.filter,
            fillValue: mask?.mask(ByteBuffer(metadata.fillValue)).array ?? metadata.fillValue)
        let whole = Box(shape: shape)
        units = whole.isEmpty ? Box(shape: ZYX(repeating: 0)) : whole.blocks(of: unitShape)
        guard units.shape.checkedProduct != nil, planned.blocks.shape.checkedProduct.map({ $0 < 1 << 48 }) ?? false
        else {
            throw VolumeError(.tooLarge, path: store.url(of: planned.metadataKey), "\(shape) voxels in tiny chunks")
        }
        let objects = unitShape.zip(stored, /).product
        unitsPerBlock = max(
            1, min(Self.blockObjects / objects, Self.blockBytes / (unitShape.product * type.byteCount)))
    }

    /// On each axis a length that divides the stored chunks' length, or is a multiple of it: 64 where that fits.
    private static func chunkShape(for stored: ZYX<Int>, _ byteCount: Int) -> ZYX<Int> {
        var chunks = stored.map { length in
            if length % chunkEdge == 0 || chunkEdge % length == 0 { return chunkEdge }
            guard length > 2 * chunkEdge else { return length }
            return (chunkEdge / 4...2 * chunkEdge).last { length % $0 == 0 } ?? length
        }
        while chunks.zip(stored, max).product * byteCount > unitBytes,
            let axis = (0..<3).first(where: { chunks[$0] > stored[$0] && chunks[$0] / 2 % stored[$0] == 0 })
        {
            chunks[axis] /= 2
        }
        return chunks
    }

    /// A unit of a sharded array is as much of a shard as a block may have, so that its index is read as seldom as possible.
    ///
    /// - Parameter least: voxels that hold whole stored chunks and whole HDF5 chunks.
    private static func unitShape(_ least: ZYX<Int>, _ planned: PlannedArray) -> ZYX<Int> {
        let shard = planned.objectShape
        guard planned.shards != nil, shard.zip(least, %).allSatisfy({ $0 == 0 }) else { return least }
        // Shards reach beyond small arrays.
        var counts = shard.zip(least, /)
        let byteCount = planned.metadata.elementType.byteCount
        func isTooLarge() -> Bool {
            let unit = counts.zip(least, *)
            return unit.product * byteCount > blockBytes || unit.zip(planned.chunkShape, /).product > blockObjects
        }
        while isTooLarge(), let axis = (0..<3).first(where: { counts[$0] > 1 }) {
            let count = counts[axis]
            counts[axis] = (1...count / 2).last { count % $0 == 0 } ?? 1
        }
        return counts.zip(least, *)
    }

    // MARK: Units and blocks

    /// The units of a block, as numbers in scan order.
    public func units(ofBlock block: Int) -> Range<Int> {
        block * unitsPerBlock..<min((block + 1) * unitsPerBlock, units.volume)
    }

    /// The voxels of a unit that are in the array.
    public func box(ofUnit unit: Int) -> Box {
        let start = units.index(at: unit).zip(unitShape, *)
        return Box(start: start, stop: start.zip(unitShape, +).zip(plan.grid.shape, min))
    }

    /// Indices of the stored chunks that the units hold.
    public func storedChunks(_ units: Range<Int>) -> [ZYX<Int>] {
        units.flatMap { unit in
            var indices: [ZYX<Int>] = []
            box(ofUnit: unit).blocks(of: planned.chunkShape).forEachIndex { indices.append($0) }
            return indices
        }
    }

    /// Stored chunks in a number of units, counted from the first.
    public func objectCount(_ units: Range<Int>) -> Int {
        units.reduce(0) { $0 + box(ofUnit: $1).blocks(of: planned.chunkShape).volume }
    }

    /// HDF5 chunks in a whole unit.
    public var chunksPerUnit: Int { unitShape.zip(chunkShape, /).product }

    /// The chunk that is `offset`-th in a unit; nil where it lies beyond the array.
    public func chunk(_ offset: Int, ofUnit unit: Int) -> ZYX<Int>? {
        let perAxis = unitShape.zip(chunkShape, /)
        let index = units.index(at: unit).zip(perAxis, *).zip(Box(shape: perAxis).index(at: offset), +)
        return index.zip(chunkShape, *).zip(plan.grid.shape, <).allSatisfy { $0 } ? index : nil
    }

    /// The number of a chunk in scan order.
    public func number(of chunk: ZYX<Int>) -> Int {
        let grid = plan.grid.shape.zip(chunkShape) { ($0 + $1 - 1) / $1 }
        return (chunk.z * grid.y + chunk.y) * grid.x + chunk.x
    }
}
