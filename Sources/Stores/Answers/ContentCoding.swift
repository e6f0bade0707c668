internal import Codecs
internal import Elements
internal import Synchronization
internal import Threads

/// Removes the `Content-Encoding` of an object. Digests and lengths count the bytes as received.
///
/// The header is not always true. Upload tools leave `aws-chunked` or a character set in it, and web servers put `gzip` on files that they
/// have not compressed. So only bytes that begin with gzip's magic number are decoded.
enum ContentCoding {
    /// Codings that cannot be removed here.
    private static let unread: Set<String> = ["br", "compress", "x-compress", "deflate", "zstd", "dcb", "dcz"]

    /// The codings of an answer that change the bytes, as its header names them; nil where there is none.
    static func label(_ headers: [String: String]) -> String? {
        guard let text = headers["content-encoding"]?.lowercased() else { return nil }
        let names = text.split { $0 == "," || $0 == " " }.map(String.init)
        let real = names.filter { unread.contains($0) || $0 == "gzip" || $0 == "x-gzip" }
        return real.isEmpty ? nil : real.joined(separator: ", ")
    }

    /// The object without its coding.
    static func decoded(
        _ object: StoredObject, label: String, maximumBytes: Int, name: String
    ) async throws(StoreError) -> StoredObject {
        func refusal(_ reason: String) -> StoreError {
            StoreError(
                .unsupported, url: name, message: "the object has the Content-Encoding \"\(label)\": \(reason)",
                httpStatus: 200)
        }
        guard ["gzip", "x-gzip"].contains(label) else { throw refusal("only gzip can be decoded") }
        guard object.bytes.beginsAsGzip else { return object }
        let encoded = object.bytes
        let result = await ThreadPool.compute.run { () throws(Never) -> Result<ByteBuffer, CodecError> in
            Result { () throws(CodecError) in try inflated(encoded, maximumBytes: maximumBytes) }
        }
        switch result {
        case .success(let bytes): return object.with(bytes, received: encoded)
        case .failure(let error):
            guard error.code == .tooLarge else { throw refusal("\(error)") }
            throw StoreError(
                .tooLarge, url: name,
                message: "\(encoded.count) bytes of the Content-Encoding \"\(label)\" become more than \(maximumBytes)",
                httpStatus: 200)
        }
    }

    /// The trailer holds the length modulo 4 GiB, of the last member only. So it is a first guess.
    private static func inflated(_ encoded: ByteBuffer, maximumBytes: Int) throws(CodecError) -> ByteBuffer {
        let told = encoded.withUnsafeBytes { bytes in
            bytes.count < 18 ? 0 : (0..<4).reduce(0) { $0 | Int(bytes[bytes.count - 4 + $1]) << (8 * $1) }
        }
        var room = min(maximumBytes, max(told, encoded.count))
        while true {
            let buffer = ByteBuffer(count: room)
            do throws(CodecError) {
                let count = try encoded.withSpan { bytes throws(CodecError) in
                    try buffer.withMutableSpan { output throws(CodecError) in
                        try GzipCodec().decode(bytes, into: &output)
                    }
                }
                var result = buffer
                if count < room {
                    result = buffer.withUnsafeBytes { ByteBuffer(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
                }
                return result
            } catch {
                guard error.code == .tooLarge, room < maximumBytes else { throw error }
                room = min(maximumBytes, room.multipliedReportingOverflow(by: 2).partialValue)
            }
        }
    }
}

/// Remembers which objects of a store have an untrue `Content-Encoding`, so that parts of them can be read.
final class PlainObjects: Sendable {
    private static let most = 4096
    private let known = Mutex<[ByteName: Bool]>([:])

    /// - Parameter beginning: asks for the first bytes.
    /// - Throws: ``StoreError/Code/unsupported`` where the object is encoded, because a part of it cannot be decoded.
    func check(
        _ key: String, label: String, name: String, beginning: () async throws(StoreError) -> ByteBuffer?
    ) async throws(StoreError) {
        var isPlain = known.withLock { $0[ByteName(key)] }
        if isPlain == nil {
            let isGzip = ["gzip", "x-gzip"].contains(label)
            let found = isGzip ? try await beginning().map { !$0.beginsAsGzip } ?? true : false
            known.withLock { known in
                if known.count >= Self.most { known = [:] }
                known[ByteName(key)] = found
            }
            isPlain = found
        }
        guard isPlain == false else { return }
        throw StoreError(
            .unsupported, url: name,
            message: "the object has the Content-Encoding \"\(label)\", so parts of it cannot be read", httpStatus: 206)
    }
}
