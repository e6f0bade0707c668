internal import Elements

/// Takes the bytes of one answer as they arrive and keeps those that were asked for. Its buffer has the announced length, and never grows
/// beyond the caller's limit.
struct BodySink {
    /// Why a body is refused.
    struct Refusal: Error {
        let code: StoreError.Code
        let message: String
    }

    /// Bytes kept of the body of an error.
    static let errorBytes = 64 << 10

    private let part: ObjectPart
    private let maximumBytes: Int
    private var limit = 0
    private var skip = 0
    private var wanted: Int?
    /// Bytes that the range must yield, where the server gave the object's length.
    private var promised: Int?
    /// Bytes of the body, where the answer says so.
    private(set) var announced: Int?
    private var received = 0
    private var filled = 0
    private var isPart = false
    private var buffer = ByteBuffer(count: 0)
    /// Whether ``begin(status:contentLength:contentRange:)`` has been called.
    private(set) var hasBegun = false

    init(_ part: ObjectPart, maximumBytes: Int) {
        self.part = part
        self.maximumBytes = maximumBytes
    }

    /// To be called when the headers are complete.
    mutating func begin(status: Int, contentLength: Int?, contentRange: ContentRange?) throws(Refusal) {
        hasBegun = true
        announced = contentLength
        limit = maximumBytes
        guard status == 200 || status == 206 else {
            limit = Self.errorBytes
            wanted = Self.errorBytes
            buffer = ByteBuffer(count: min(contentLength ?? 4096, Self.errorBytes))
            return
        }
        switch part {
        case .whole:
            if status == 206 {
                throw Refusal(code: .corruptBody, message: "asked for the whole object, got a part of it")
            }
        case .suffix(let count):
            isPart = true
            try beginSuffix(count, status: status, contentLength: contentLength, contentRange: contentRange)
        case .range(let range):
            isPart = true
            var first = 0
            var total = contentLength
            if let contentRange, status == 206 || contentRange.count == contentLength {
                first = contentRange.first
                total = contentRange.total
            } else if status == 206 {
                first = range.lowerBound
                total = nil
            }
            guard first <= range.lowerBound else {
                throw Refusal(
                    code: .corruptBody,
                    message: "asked for bytes from \(range.lowerBound) on, got those from \(first) on")
            }
            skip = range.lowerBound - first
            wanted = range.count
            promised = total.map { max(0, min($0, range.upperBound) - range.lowerBound) }
        }
        var expected = contentLength.map { max(0, $0 - skip) }
        if let wanted { expected = min(expected ?? wanted, wanted) }
        if let expected, expected > limit { throw tooLarge(expected) }
        buffer = ByteBuffer(count: expected ?? min(64 << 10, limit))
    }

    /// A server that does not support suffix ranges sends the whole object. If that is longer than the suffix, none of it is kept.
    private mutating func beginSuffix(
        _ count: Int, status: Int, contentLength: Int?, contentRange: ContentRange?
    ) throws(Refusal) {
        guard let contentRange, status == 206 || contentRange.count == contentLength else {
            wanted = status == 200 && contentLength ?? 0 > count ? 0 : nil
            return
        }
        if let total = contentRange.total, (max(0, total - count)..<total) != contentRange.first..<contentRange.last + 1
        {
            throw Refusal(
                code: .corruptBody,
                message: "asked for the last \(count) bytes, got \(contentRange.first)-\(contentRange.last) of \(total)"
            )
        }
        wanted = contentRange.count
        promised = contentRange.count
    }

    /// Takes the next bytes.
    ///
    /// - Returns: false when everything that was asked for is there, although the body goes on.
    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(Refusal) -> Bool {
        received += bytes.count
        let skipped = min(skip, bytes.count)
        skip -= skipped
        var rest = UnsafeRawBufferPointer(rebasing: bytes[skipped...])
        if let wanted { rest = UnsafeRawBufferPointer(rebasing: rest.prefix(wanted - filled)) }
        let end = filled + rest.count
        guard end <= limit else { throw tooLarge(end) }
        if end > buffer.count { grow(to: end) }
        if !rest.isEmpty {
            buffer.withUnsafeMutableBytes { target in
                UnsafeMutableRawBufferPointer(rebasing: target[filled..<end]).copyMemory(from: rest)
            }
        }
        filled = end
        return filled != wanted || received == announced
    }

    /// The bytes kept.
    ///
    /// - Throws: where fewer came than the answer announced.
    mutating func finish() throws(Refusal) -> ByteBuffer {
        if let announced, received < announced, filled != wanted {
            throw Refusal(code: .shortBody, message: "the body ended after \(received) of \(announced) bytes")
        }
        if let promised, filled < promised {
            throw Refusal(code: .shortBody, message: "\(filled) of \(promised) bytes of the range came")
        }
        if isPart, filled == 0, wanted != 0 {
            throw Refusal(code: .badRequest, message: "the range begins beyond the end of the object")
        }
        buffer.resize(to: filled)
        return buffer
    }

    private func tooLarge(_ count: Int) -> Refusal {
        Refusal(code: .tooLarge, message: "the answer has \(count) bytes or more; at most \(limit) are allowed")
    }

    private mutating func grow(to count: Int) {
        let old = buffer
        let larger = ByteBuffer(
            count: min(limit, max(count, old.count.multipliedReportingOverflow(by: 2).partialValue)))
        old.withUnsafeBytes { source in
            larger.withUnsafeMutableBytes { $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<filled])) }
        }
        buffer = larger
    }
}
