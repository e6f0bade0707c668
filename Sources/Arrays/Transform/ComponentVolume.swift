public import Elements
public import Geometry
internal import Resampling

/// The connected components of the voxels that have one of some ids, as uint32 ids 1, 2, … in scan order.
///
/// The volume is read twice, window by window, and never held as a whole. The first pass finds the components. The second pass gives them out
/// layer by layer, in order.
public actor ComponentVolume {
    private let source: any ChunkSource
    private let box: Box
    private let mask: IdentifierMask
    private let stop: StopSignal
    private let labeller: ComponentLabeller
    /// Planes of a window.
    private let windowPlanes: Int
    /// Planes of a layer: the chunks' thickness in z.
    private let layerPlanes: Int
    /// Chunks of a layer. A layer is asked for once for each.
    private let chunksPerLayer: Int
    private var layers: [Int: Layer] = [:]
    /// The layer that was begun last. The next one waits for it.
    private var last: Task<ComponentLayer, any Error>?
    private var nextLayer = 0

    private struct Layer {
        let task: Task<ComponentLayer, any Error>
        var unserved: Int
    }

    /// - Parameters:
    ///   - box: voxels of `source` that count.
    ///   - chunksPerLayer: how often each layer is asked for in the second pass. Then it is released.
    ///   - workBytes: memory for windows and for the table of runs, half each.
    public init(
        source: any ChunkSource, box: Box, ids: [Int], layerPlanes: Int, chunksPerLayer: Int, workBytes: Int,
        stop: StopSignal
    ) throws {
        self.source = source
        self.box = box
        self.stop = stop
        self.layerPlanes = layerPlanes
        self.chunksPerLayer = chunksPerLayer
        mask = IdentifierMask(elementType: source.elementType, ids: ids)
        let planeBytes = max(1, box.shape.y * box.shape.x * (source.elementType.byteCount + 1))
        windowPlanes = max(1, min(source.chunkShape.z, workBytes / 2 / planeBytes))
        labeller = try ComponentLabeller(
            rows: box.shape.y, columns: box.shape.x, maximumRuns: min(Int(Int32.max), max(1 << 20, workBytes / 8)))
    }

    /// First pass. Returns the number of components.
    public func count() async throws -> Int {
        for z in stride(from: box.start.z, to: box.stop.z, by: windowPlanes) {
            let planes = try await maskPlanes(z..<min(z + windowPlanes, box.stop.z))
            let planeBytes = box.shape.y * box.shape.x
            for plane in 0..<(planes.count / max(planeBytes, 1)) {
                try planes.withSpan { bytes in
                    try labeller.addPlane(bytes.extracting(plane * planeBytes..<(plane + 1) * planeBytes))
                }
            }
        }
        return labeller.finish()
    }

    /// Second pass: the components of planes `layerPlanes * index` and the following.
    ///
    /// Chunks are computed concurrently, so layers are asked for in any order. A layer is kept until all of its chunks have got it.
    public func layer(_ index: Int) async throws -> ComponentLayer {
        while nextLayer <= index {
            let (number, previous) = (nextLayer, last)
            nextLayer += 1
            let task = Task {
                _ = try await previous?.value
                return try await self.makeLayer(number)
            }
            last = task
            layers[number] = Layer(task: task, unserved: chunksPerLayer)
        }
        guard let task = layers[index]?.task else { throw ServedLayer(index: index, chunks: chunksPerLayer) }
        let layer = try await task.value
        layers[index]?.unserved -= 1
        if let unserved = layers[index]?.unserved, unserved <= 0 { layers[index] = nil }
        return layer
    }

    /// A layer was asked for more often than it has chunks.
    struct ServedLayer: Error, CustomStringConvertible {
        let index: Int
        let chunks: Int

        var description: String {
            "layer \(index) of the components was asked for after its \(chunks) chunks were served"
        }
    }

    /// Layers that are held at the moment.
    var heldLayers: Int { layers.count }

    private func makeLayer(_ number: Int) async throws -> ComponentLayer {
        let first = box.start.z + number * layerPlanes
        let last = min(first + layerPlanes, box.stop.z)
        var layer = ComponentLayer(firstPlane: number * layerPlanes, rows: box.shape.y)
        for z in stride(from: first, to: last, by: windowPlanes) {
            let planes = try await maskPlanes(z..<min(z + windowPlanes, last))
            let planeBytes = box.shape.y * box.shape.x
            for plane in 0..<(planes.count / max(planeBytes, 1)) {
                layer.beginPlane()
                try planes.withSpan { bytes in
                    try labeller.labelPlane(
                        bytes.extracting(plane * planeBytes..<(plane + 1) * planeBytes)
                    ) { row, start, stop, id in layer.add(row: row, start: start, stop: stop, id: id) }
                }
                layer.endPlane()
            }
        }
        return layer
    }

    private func maskPlanes(_ range: Range<Int>) async throws -> ByteBuffer {
        try stop.check()
        let part = Box(
            start: ZYX(range.lowerBound, box.start.y, box.start.x), stop: ZYX(range.upperBound, box.stop.y, box.stop.x))
        return mask.mask(try await source.window(part).bytes)
    }
}

/// The runs of some planes with the components they belong to.
public struct ComponentLayer: Sendable {
    struct Run: Sendable {
        var start: Int32
        var stop: Int32
        var id: UInt32
    }

    private let firstPlane: Int
    private let rows: Int
    private var runs: [Run] = []
    /// Where the runs of each row begin, plane after plane; one more at the end.
    private var rowStarts: [Int] = [0]

    init(firstPlane: Int, rows: Int) {
        self.firstPlane = firstPlane
        self.rows = rows
    }

    private var rowsBegun = 0

    mutating func beginPlane() { rowsBegun = 0 }

    mutating func add(row: Int, start: Int, stop: Int, id: UInt32) {
        while rowsBegun < row { endRow() }
        runs.append(Run(start: Int32(start), stop: Int32(stop), id: id))
    }

    mutating func endPlane() {
        while rowsBegun < rows { endRow() }
    }

    private mutating func endRow() {
        rowStarts.append(runs.count)
        rowsBegun += 1
    }

    /// The ids of the voxels of `box` (in planes of the volume; its z range lies in this layer): 1…254, 256…, so that no object has the
    /// value of unknown voxels. Elsewhere what `mask` says, one byte a voxel: 0, or ``IdentifierMask/unknown``. nil where all is 0.
    public func identifiers(in box: Box, mask: ByteBuffer) -> ByteBuffer? {
        let buffer = ByteBuffer(count: box.volume * MemoryLayout<UInt32>.size)
        var isEmpty = true
        mask.withUnsafeBytes { mask in
            buffer.withUnsafeMutableBytes { raw in
                let voxels = raw.assumingMemoryBound(to: UInt32.self)
                for index in mask.indices {
                    let isUnknown = mask[index] == IdentifierMask.unknown
                    if isUnknown { isEmpty = false }
                    voxels[index] = isUnknown ? UInt32(IdentifierMask.unknown) : 0
                }
            }
        }
        buffer.withUnsafeMutableBytes { raw in
            let voxels = raw.assumingMemoryBound(to: UInt32.self)
            var target = 0
            for z in box.start.z..<box.stop.z {
                for y in box.start.y..<box.stop.y {
                    let row = (z - firstPlane) * rows + y
                    for run in runs[rowStarts[row]..<rowStarts[row + 1]] {
                        let start = max(Int(run.start), box.start.x)
                        let stop = min(Int(run.stop), box.stop.x)
                        guard start < stop else { continue }
                        isEmpty = false
                        let id = run.id < UInt32(IdentifierMask.unknown) ? run.id : run.id + 1
                        for x in start..<stop { voxels[target + x - box.start.x] = id }
                    }
                    target += box.shape.x
                }
            }
        }
        return isEmpty ? nil : buffer
    }
}
