internal import Elements
internal import Geometry
internal import Synchronization

/// Computes the chunks of the sample's arrays, and keeps the latest ones.
///
/// Values are held as UInt16 whatever the stored type: grey values, ids, or the bit patterns of Int16. Level 0 is
/// rendered; level k is made from level k - 1: mean of grey values (rounded to nearest), mode of labels (ties go to the
/// smaller value), over the up to 8 voxels that exist.
final class SampleVoxels: Sendable {
    private struct Key: Hashable {
        let image: Int
        let level: Int
        let chunk: ZYX<Int>
    }

    private struct Cache {
        var blocks: [Key: [UInt16]] = [:]
        var order: [Key] = []
        var head = 0
        var byteCount = 0
    }

    private let images: [SampleImage]
    private let limit: Int
    private let cache = Mutex(Cache())

    /// - Parameter limit: bytes of chunks kept.
    init(images: [SampleImage], limit: Int) {
        self.images = images
        self.limit = limit
    }

    /// A whole chunk; what reaches over the array's end is 0.
    func chunk(_ image: Int, level: Int, _ index: ZYX<Int>) -> [UInt16] {
        cached(Key(image: image, level: level, chunk: index)) {
            if level > 0 { return reduced(image, level: level, index) }
            let box = box(images[image], level: 0, index)
            switch images[image].content {
            case .microscopy:
                let values = render(images[image], box, wantsGreys: true).greys
                return padded(stored(values, images[image].storage.elementType), box.shape, images[image])
            case .label(let labelling):
                // All classes of a crop are made from the same rendered block.
                let scene = cached(Key(image: -1 - images[image].source, level: 0, chunk: index)) {
                    render(images[image], box, wantsGreys: false).labels
                }
                let values = labelled(scene, labelling, box, images[image].levels[0].shape)
                return padded(values, box.shape, images[image])
            }
        }
    }

    /// Whether the chunk holds anything but 0, or is stored regardless.
    func isStored(_ number: Int, level: Int, _ index: ZYX<Int>) -> Bool {
        let image = images[number]
        if image.storage.storesEmptyChunks { return true }
        if case .microscopy = image.content {
            // What was imaged is never 0 all over; the rest, beyond a place on x, always is.
            let first = (index.x * image.storage.chunk.x) << level
            return Double(first * image.voxel.x + image.voxel.x / 2) < image.scene.imagedWidth * 100
        }
        return chunk(number, level: level, index).contains { $0 != 0 }
    }

    private func cached(_ key: Key, _ compute: () -> [UInt16]) -> [UInt16] {
        if let block = cache.withLock({ $0.blocks[key] }) { return block }
        let block = compute()
        cache.withLock { cache in
            guard cache.blocks.updateValue(block, forKey: key) == nil else { return }
            cache.order.append(key)
            cache.byteCount += 2 * block.count
            while cache.byteCount > limit, cache.head < cache.order.count {
                cache.byteCount -= 2 * (cache.blocks.removeValue(forKey: cache.order[cache.head])?.count ?? 0)
                cache.head += 1
            }
            if cache.head > 1000 {
                cache.order.removeFirst(cache.head)
                cache.head = 0
            }
        }
        return block
    }

    private func box(_ image: SampleImage, level: Int, _ index: ZYX<Int>) -> Box {
        let start = index.zip(image.storage.chunk, *)
        let stop = start.zip(image.storage.chunk, +).zip(image.levels[level].shape, min)
        return Box(start: start, stop: stop)
    }

    private func render(_ image: SampleImage, _ box: Box, wantsGreys: Bool) -> SampleBlock {
        let positions = SamplePositions(edge: image.edge, step: image.voxel, start: box.start, shape: box.shape)
        return SampleRenderer(scene: image.scene, positions: positions, voxel: image.voxel, wantsGreys: wantsGreys)
            .render()
    }

    /// 12-bit grey values as the array stores them.
    private func stored(_ greys: [UInt16], _ type: ElementType) -> [UInt16] {
        switch type {
        case .int16: greys.map { UInt16(bitPattern: (Int16($0) - 2048) * 5) }
        default: greys.map { $0 >> 4 }
        }
    }

    private func labelled(_ scene: [UInt16], _ labelling: SampleLabelling, _ box: Box, _ shape: ZYX<Int>) -> [UInt16] {
        var table: [UInt16: UInt16] = [:]
        var last: (voxel: UInt16, value: UInt16) = (0, labelling.value(of: 0))
        var values = scene.map { voxel in
            if voxel == last.voxel { return last.value }
            let value = table[voxel] ?? labelling.value(of: voxel)
            table[voxel] = value
            last = (voxel, value)
            return value
        }
        let corner = Box(start: shape.zip(labelling.unknownCorner, -), stop: shape)
        if let unknown = corner.intersection(box)?.moved(by: box.start.map { -$0 }) {
            unknown.forEachIndex { at in
                values[(at.z * box.shape.y + at.y) * box.shape.x + at.x] = SampleLabelling.unknown
            }
        }
        return values
    }

    /// The block in the corner of a whole chunk.
    private func padded(_ values: [UInt16], _ shape: ZYX<Int>, _ image: SampleImage) -> [UInt16] {
        let chunk = image.storage.chunk
        guard shape != chunk else { return values }
        var result = [UInt16](repeating: 0, count: chunk.product)
        for z in 0..<shape.z {
            for y in 0..<shape.y {
                let (from, to) = ((z * shape.y + y) * shape.x, (z * chunk.y + y) * chunk.x)
                result.replaceSubrange(to..<to + shape.x, with: values[from..<from + shape.x])
            }
        }
        return result
    }

    private func reduced(_ number: Int, level: Int, _ index: ZYX<Int>) -> [UInt16] {
        let image = images[number]
        let coarse = box(image, level: level, index)
        let fine = Box(
            start: coarse.start.map { 2 * $0 },
            stop: coarse.stop.map { 2 * $0 }.zip(image.levels[level - 1].shape, min))
        let values = gathered(number, level: level - 1, fine)
        let isSigned = image.storage.elementType == .int16
        var isLabel = false
        if case .label = image.content { isLabel = true }
        var result: [UInt16] = []
        result.reserveCapacity(coarse.volume)
        values.withUnsafeBufferPointer { values in
            var window = SampleWindow()
            coarse.moved(by: coarse.start.map { -$0 }).forEachIndex { at in
                window.load(values, shape: fine.shape, z: 2 * at.z, y: 2 * at.y, x: 2 * at.x)
                result.append(isLabel ? window.mode : isSigned ? window.signedMean : window.mean)
            }
        }
        return padded(result, coarse.shape, image)
    }

    /// A box of a level, put together from its chunks.
    private func gathered(_ number: Int, level: Int, _ box: Box) -> [UInt16] {
        let (shape, chunkShape) = (box.shape, images[number].storage.chunk)
        var result = [UInt16](repeating: 0, count: shape.product)
        box.blocks(of: chunkShape).forEachIndex { index in
            let values = chunk(number, level: level, index)
            let start = index.zip(chunkShape, *)
            guard let part = Box(start: start, stop: start.zip(chunkShape, +)).intersection(box) else { return }
            let width = part.shape.x
            for z in part.range(0) {
                for y in part.range(1) {
                    let from = ((z - start.z) * chunkShape.y + y - start.y) * chunkShape.x + part.start.x - start.x
                    let to = ((z - box.start.z) * shape.y + y - box.start.y) * shape.x + part.start.x - box.start.x
                    result.replaceSubrange(to..<to + width, with: values[from..<from + width])
                }
            }
        }
        return result
    }
}

/// The up to 2 x 2 x 2 voxels that one coarser voxel is made from.
struct SampleWindow {
    private var values: (UInt16, UInt16, UInt16, UInt16, UInt16, UInt16, UInt16, UInt16) = (0, 0, 0, 0, 0, 0, 0, 0)
    private var isWhole = false
    private var present: [UInt16] = []

    /// Takes the window that starts at (`z`, `y`, `x`) of a block, cut at the block's end.
    mutating func load(_ block: UnsafeBufferPointer<UInt16>, shape: ZYX<Int>, z: Int, y: Int, x: Int) {
        isWhole = z + 1 < shape.z && y + 1 < shape.y && x + 1 < shape.x
        let first = (z * shape.y + y) * shape.x + x
        if isWhole {
            let (nextY, nextZ) = (first + shape.x, first + shape.y * shape.x)
            let last = nextZ + shape.x
            values = (
                block[first], block[first + 1], block[nextY], block[nextY + 1],
                block[nextZ], block[nextZ + 1], block[last], block[last + 1]
            )
        } else {
            present.removeAll(keepingCapacity: true)
            for dz in 0..<min(2, shape.z - z) {
                for dy in 0..<min(2, shape.y - y) {
                    for dx in 0..<min(2, shape.x - x) {
                        present.append(block[first + (dz * shape.y + dy) * shape.x + dx])
                    }
                }
            }
        }
    }

    private var all: [UInt16] {
        guard isWhole else { return present }
        let v = values
        return [v.0, v.1, v.2, v.3, v.4, v.5, v.6, v.7]
    }

    /// The mean, rounded to nearest, halves up.
    var mean: UInt16 {
        guard isWhole else { return UInt16((2 * all.reduce(0) { $0 + Int($1) } + all.count) / (2 * all.count)) }
        let v = values
        let low = Int(v.0) + Int(v.1) + Int(v.2) + Int(v.3)
        return UInt16((low + Int(v.4) + Int(v.5) + Int(v.6) + Int(v.7) + 4) >> 3)
    }

    /// The same of Int16 bit patterns.
    var signedMean: UInt16 {
        let count = isWhole ? 8 : present.count
        let sum = all.reduce(0) { $0 + Int(Int16(bitPattern: $1)) + 32768 }
        return UInt16(bitPattern: Int16((2 * sum + count) / (2 * count) - 32768))
    }

    /// The most frequent value; of several, the smallest.
    var mode: UInt16 {
        let v = values
        if isWhole, v.0 == v.1, v.0 == v.2, v.0 == v.3, v.0 == v.4, v.0 == v.5, v.0 == v.6, v.0 == v.7 { return v.0 }
        let candidates = all
        var best: (count: Int, value: UInt16) = (0, 0)
        for candidate in candidates {
            let count = candidates.reduce(0) { $0 + ($1 == candidate ? 1 : 0) }
            if count > best.count || count == best.count && candidate < best.value { best = (count, candidate) }
        }
        return best.value
    }
}
