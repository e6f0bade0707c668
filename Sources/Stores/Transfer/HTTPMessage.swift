internal import Elements

/// A GET request, or a HEAD request.
struct HTTPRequest: Sendable {
    /// Percent-encoded and without credentials.
    let url: String
    /// Besides `Host`, `User-Agent` and `Range`.
    var headers: [(name: String, value: String)] = []
    var part = ObjectPart.whole
    /// Only the header is wanted: HEAD.
    var isHead = false
    /// The most bytes that the caller wants in memory.
    let maximumBytes: Int
    /// How messages call the object.
    let name: String
}

/// The answer to an ``HTTPRequest``, whatever its status.
struct HTTPResponse: Sendable {
    let status: Int
    /// The fields that stores look at, names in lower case.
    let headers: [String: String]
    /// The object, or the part asked for; for a status other than 200 and 206 the beginning of the message.
    let body: ByteBuffer
    /// Where a 3xx answer leads, made absolute.
    let redirectURL: String?

    /// When the object was last changed, and the server's clock; seconds since 1970.
    var modified: Int? { headers["last-modified"].flatMap(HTTPDate.seconds) }
    var served: Int? { headers["date"].flatMap(HTTPDate.seconds) }

    /// The metadata in an answer of status 200 or 206. `Last-Modified` takes the place of a missing ETag.
    var metadata: ObjectMetadata {
        ObjectMetadata(
            etag: headers["etag"].map(ETag.unquoted) ?? headers["last-modified"], byteCount: objectByteCount,
            modified: modified)
    }

    /// Bytes of the whole object; nil where the answer does not say.
    var objectByteCount: Int? {
        let length = headers["content-length"].flatMap { Int($0) }
        if let range = headers["content-range"].flatMap(ContentRange.init), status == 206 || range.count == length {
            return range.total
        }
        return status == 200 ? length : nil
    }

    /// The range to request instead of a suffix that the server does not support: it began to send the whole object. nil where the answer is
    /// what was asked for.
    func otherPart(than part: ObjectPart) -> ObjectPart? {
        guard case .suffix(let count) = part, status == 200, body.count == 0, let total = objectByteCount, total > count
        else { return nil }
        return .range((total - count)..<total)
    }
}

/// `Content-Range: bytes 0-9/200`.
struct ContentRange: Sendable, Hashable {
    let first: Int
    let last: Int
    /// Bytes of the whole object; nil for `*`.
    let total: Int?

    var count: Int { last - first + 1 }

    /// - Returns: nil for anything that does not say which bytes these are.
    init?(_ text: String) {
        let words = text.split(separator: " ")
        guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
        let parts = words[1].split(separator: "/", omittingEmptySubsequences: false)
        let ends = (parts.first ?? "").split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, ends.count == 2, let first = Int(ends[0]), let last = Int(ends[1]), first >= 0,
            last >= first, last < Int.max
        else { return nil }
        total = parts[1] == "*" ? nil : Int(parts[1])
        if parts[1] != "*" {
            guard let total, total > last else { return nil }
        }
        self.first = first
        self.last = last
    }
}
