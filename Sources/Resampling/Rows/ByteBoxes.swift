internal import Geometry

/// The bytes of a source box, before their element type is known to the compiler.
struct ByteSource {
    let base: UnsafeRawPointer
    let box: Box

    func voxels<Value: BitwiseCopyable>(as _: Value.Type = Value.self) -> SourceVoxels<Value> {
        SourceVoxels(base: base, box: box)
    }
}

/// The bytes of an output box, before their element type is known to the compiler.
struct ByteTarget {
    let base: UnsafeMutableRawPointer
    let box: Box

    /// Sets everything to zero where `coveredPart` is not the whole box; nil for a box without voxels.
    init?(_ bytes: UnsafeMutableRawBufferPointer, box: Box, coveredPart: Box?) {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return nil }
        if coveredPart != box { bytes.initializeMemory(as: UInt8.self, repeating: 0) }
        self.base = base
        self.box = box
    }

    func voxels<Value: BitwiseCopyable>(as _: Value.Type = Value.self) -> OutputVoxels<Value> {
        OutputVoxels(base: base, box: box)
    }
}

extension GridWindows {
    /// Runs `body` on the covered part of `output`; what is not covered becomes 0.
    func withBytes(
        of source: RawSpan, sourceBox: Box, output: Box, into destination: inout MutableRawSpan, elementBytes: Int,
        _ body: (_ part: Box, _ source: ByteSource, _ output: ByteTarget) -> Void
    ) {
        let part = checkedPart(
            of: output, sourceBox: sourceBox, sourceBytes: source.byteCount, outputBytes: destination.byteCount,
            elementBytes: elementBytes)
        destination.withUnsafeMutableBytes { destination in
            guard let output = ByteTarget(destination, box: output, coveredPart: part), let part else { return }
            source.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                body(part, ByteSource(base: base, box: sourceBox), output)
            }
        }
    }

    /// Copies the voxels of `part`, which must be regular with a ``step`` of one.
    func copy<Value: BitwiseCopyable>(_ part: Box, source: SourceVoxels<Value>, output: OutputVoxels<Value>) {
        let column = axes.x.first[part.start.x]
        for z in part.range(0) {
            for y in part.range(1) {
                output.row(z, y, from: part.start.x)
                    .copy(source.row(axes.z.first[z], axes.y.first[y], from: column), count: part.shape.x)
            }
        }
    }
}
