/// Which bytes of an object are asked for.
public enum ObjectPart: Sendable, Hashable {
    case whole
    /// Cut at the object's end; one that begins beyond it is an error.
    case range(Range<Int>)
    /// The last bytes, at least one; the whole object where it has fewer.
    case suffix(Int)

    /// The value of the `Range` field (RFC 9110, 14.1.2); nil for the whole object.
    var field: String? {
        switch self {
        case .whole: nil
        case .range(let range): "bytes=\(range.lowerBound)-\(range.upperBound - 1)"
        case .suffix(let count): "bytes=-\(count)"
        }
    }

    /// - Throws: ``StoreError/Code/badRequest`` for a part that HTTP cannot express, ``StoreError/Code/tooLarge``.
    package func check(maximumBytes: Int, name: String) throws(StoreError) {
        let count: Int
        switch self {
        case .whole: return
        case .range(let range):
            guard range.lowerBound >= 0, !range.isEmpty else {
                throw StoreError(.badRequest, url: name, message: "the range \(range) is empty or negative")
            }
            count = range.count
        case .suffix(let bytes):
            guard bytes > 0 else {
                throw StoreError(.badRequest, url: name, message: "the last \(bytes) bytes were asked for")
            }
            count = bytes
        }
        guard count <= maximumBytes else {
            throw StoreError(
                .tooLarge, url: name,
                message: "\(count) bytes were asked for (\(self)); at most \(maximumBytes) are allowed")
        }
    }

    /// The bytes of an object of this size; nil where a range begins beyond its end.
    package func bytes(of objectByteCount: Int) -> Range<Int>? {
        switch self {
        case .whole: 0..<objectByteCount
        case .range(let range):
            range.lowerBound < objectByteCount ? range.clamped(to: 0..<objectByteCount) : nil
        case .suffix(let count): max(0, objectByteCount - count)..<objectByteCount
        }
    }
}
