internal import Elements

/// The arithmetic of ``ElementFilter``, block by block, with numpy's rules for types.
struct ElementKernel {
    let filter: ElementFilter
    let decoded: StoredType
    let encoded: StoredType

    /// Elements of a block.
    private static let blockCount = 2048

    /// Decodes all elements of `source`; `target` has room for them.
    func decode(_ source: RawSpan, into target: inout MutableRawSpan) {
        let sourceWidth = encoded.elementType.byteCount
        let targetWidth = decoded.elementType.byteCount
        let elements = source.byteCount / sourceWidth
        var sum = ElementLanes.Sum()
        var lanes = ElementLanes(count: Self.blockCount)
        source.withUnsafeBytes { source in
            target.withUnsafeMutableBytes { target in
                for start in stride(from: 0, to: elements, by: Self.blockCount) {
                    let count = min(Self.blockCount, elements - start)
                    lanes.load(source, at: start * sourceWidth, count: count, encoded)
                    switch filter {
                    case .delta:
                        lanes.convert(to: decoded.elementType)
                        lanes.accumulate(&sum, as: decoded.elementType)
                    case .fixedScaleOffset(let offset, let scale, _, _):
                        lanes.divide(by: scale, add: offset, as: encoded.elementType)
                        lanes.convert(to: decoded.elementType)
                    case .convert:
                        lanes.convert(to: decoded.elementType)
                    case .bitRound:
                        break
                    }
                    lanes.store(target, at: start * targetWidth, decoded)
                }
            }
        }
    }
}
