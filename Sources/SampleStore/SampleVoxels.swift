internal import Elements
internal import Geometry
internal import Glibc
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
        return chunk(number, level: level, index).withUnsafeBytes { bytes in
            // Nothing but 0: begins with 0, and each byte equals the next one.
            guard let base = bytes.baseAddress, bytes.count > 1 else { return false }
            return bytes[0] != 0 || memcmp(base, base + 1, bytes.count - 1) != 0
        }
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
        var values = greys
        let isSigned = type == .int16
        values.withUnsafeMutableBufferPointer { values in
            var index = 0
            let count = values.count
            while index < count {
                let grey = values[index]
                values[index] = isSigned ? UInt16(bitPattern: (Int16(grey) - 2048) * 5) : grey >> 4
                index += 1
            }
        }
        return values
    }

    private func labelled(_ scene: [UInt16], _ labelling: SampleLabelling, _ box: Box, _ shape: ZYX<Int>) -> [UInt16] {
        // For every voxel of a block that can be.
        let table = (0..<(Int(scene.max() ?? 0) + 1)).map { labelling.value(of: UInt16($0)) }
        var values = scene
        values.withUnsafeMutableBufferPointer { values in
            table.withUnsafeBufferPointer { table in
                var index = 0
                let count = values.count
                while index < count {
                    values[index] = table[Int(values[index])]
                    index += 1
                }
            }
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
        let (shape, fineShape) = (coarse.shape, fine.shape)
        var result = [UInt16](repeating: 0, count: shape.product)
        values.withUnsafeBufferPointer { values in
            var window = SampleWindow(values, shape: fineShape)
            result.withUnsafeMutableBufferPointer { result in
                var offset = 0
                for z in 0..<shape.z {
                    for y in 0..<shape.y {
                        var x = 0
                        while x < shape.x {
                            window.move(z: 2 * z, y: 2 * y, x: 2 * x)
                            result[offset] = isLabel ? window.mode : isSigned ? window.signedMean : window.mean
                            offset += 1
                            x += 1
                        }
                    }
                }
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
