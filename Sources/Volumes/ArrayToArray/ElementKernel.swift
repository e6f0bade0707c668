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
        let common = Self.promoted(decoded.elementType, encoded.elementType)
        var sum = ElementLanes.Sum()
        var lanes = ElementLanes(count: Self.blockCount)
        source.withUnsafeBytes { source in
            target.withUnsafeMutableBytes { target in
                for start in stride(from: 0, to: elements, by: Self.blockCount) {
                    let count = min(Self.blockCount, elements - start)
                    lanes.load(source, at: start * sourceWidth, count: count, encoded)
                    switch filter {
                    case .delta:
                        lanes.convert(to: common)
                        lanes.accumulate(&sum, as: common)
                        lanes.convert(to: decoded.elementType)
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

    /// The type in which numpy computes with two types: the smallest that holds the values of both, or nearly.
    static func promoted(_ one: ElementType, _ other: ElementType) -> ElementType {
        if one == other || other == .bool { return one }
        if one == .bool { return other }
        if one.isFloat || other.isFloat {
            let float = one.isFloat ? one : other
            let partner = one.isFloat ? other : one
            if partner.isFloat { return float.byteCount > partner.byteCount ? float : partner }
            // Integers need a float of twice their bytes.
            let least: ElementType =
                partner.byteCount == 1 ? .float16 : partner.byteCount == 2 ? .float32 : .float64
            return float.byteCount > least.byteCount ? float : least
        }
        let wider = one.byteCount > other.byteCount ? one : other
        let narrower = wider == one ? other : one
        if one.isUnsigned == other.isUnsigned || (!wider.isUnsigned && wider.byteCount > narrower.byteCount) {
            return wider
        }
        switch wider.byteCount {
        case 1: return .int16
        case 2: return .int32
        case 4: return .int64
        default: return .float64
        }
    }
}
