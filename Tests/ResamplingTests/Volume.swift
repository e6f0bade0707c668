import Elements
import Geometry
import Resampling
import TestSupport

/// The voxels of a box as numbers.
struct Volume<Value: Element>: Equatable {
    var box: Box
    var voxels: [Value]

    subscript(z: Int, y: Int, x: Int) -> Value {
        get { voxels[((z - box.start.z) * box.shape.y + y - box.start.y) * box.shape.x + x - box.start.x] }
        set { voxels[((z - box.start.z) * box.shape.y + y - box.start.y) * box.shape.x + x - box.start.x] = newValue }
    }

    init(_ box: Box, _ value: (ZYX<Int>) -> Value) {
        self.box = box
        voxels = []
        box.forEachIndex { voxels.append(value($0)) }
    }

    func cropped(to box: Box) -> Volume { Volume(box) { self[$0.z, $0.y, $0.x] } }

    var buffer: ByteBuffer { voxels.withUnsafeBytes { ByteBuffer($0) } }
}

/// What the two resamplers have in common.
protocol Resampler {
    func sourceBox(for output: Box) -> Box?
    func resample(_ source: RawSpan, sourceBox: Box, output: Box, into destination: inout MutableRawSpan)
}

extension MeanResampler: Resampler {}
extension MajorityResampler: Resampler {}

extension Resampler {
    /// Resizes `source` into `output`, box by box of `cut`.
    func resize<Value>(_ source: Volume<Value>, to output: Box, cut: [Box]) -> Volume<Value> {
        var result = Volume(output) { _ in Value.nearest(to: 77) }
        for box in cut {
            let sourceBox = sourceBox(for: box)
            let part = sourceBox.map { source.cropped(to: $0) }
            let bytes = part?.buffer ?? ByteBuffer(count: 0)
            // One byte more than needed, so that the span begins at an odd address.
            let buffer = ByteBuffer(count: box.volume * MemoryLayout<Value>.stride + 1)
            buffer.withUnsafeMutableBytes { destination in
                let odd = UnsafeMutableRawBufferPointer(rebasing: destination[1...])
                odd.initializeMemory(as: UInt8.self, repeating: 0xA5)
                var span = odd.mutableBytes
                bytes.withSpan { span_ in
                    resample(
                        span_, sourceBox: sourceBox ?? Box(shape: ZYX(0, 0, 0)), output: box, into: &span)
                }
                var offset = 0
                box.forEachIndex { index in
                    result[index.z, index.y, index.x] = odd.loadUnaligned(fromByteOffset: offset, as: Value.self)
                    offset += MemoryLayout<Value>.stride
                }
            }
        }
        return result
    }
}

extension Box {
    /// The box cut in two again and again, at random places, into up to 2^depth boxes.
    func cutAtRandom(_ depth: Int, _ random: inout SplitMix) -> [Box] {
        let axis = random.below(3)
        guard depth > 0, shape[axis] > 1 else { return [self] }
        let at = start[axis] + 1 + random.below(shape[axis] - 1)
        var (low, high) = (self, self)
        low.stop[axis] = at
        high.start[axis] = at
        return low.cutAtRandom(depth - 1, &random) + high.cutAtRandom(depth - 1, &random)
    }
}
