/// Why a store did not give what it was asked for.
public struct StoreError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure. Whether it is worth another try depends on this alone.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// The text does not name a store.
        case badURL
        /// The key has empty, `.` or `..` components, a leading slash or control characters; nothing was sent.
        case badKey
        /// The store has not answered any request for too long. This concerns all objects.
        case unreachable
        /// 401 or 403.
        case forbidden
        /// The bucket or the root folder does not exist (a missing *object* is an answer, not an error).
        case noSuchStore
        /// Any other 4xx or 3xx, or a range that the object does not have.
        case badRequest
        /// 429, or `SlowDown` in a body.
        case throttled
        /// 5xx.
        case serverError
        /// Name not found, refused, reset, closed, or an answer that is not HTTP.
        case connection
        /// The server's certificate is not trusted.
        case certificate
        /// No connection in time.
        case timeout
        /// Connected, but (nearly) nothing came for too long.
        case stalled
        /// The server's clock and ours differ too much for a signature.
        case clockSkew
        /// Fewer bytes than announced.
        case shortBody
        /// The bytes are not those that the ETag or the Content-Range stands for.
        case corruptBody
        /// More bytes than the caller allows.
        case tooLarge
        /// The listing cannot be read, or never ends.
        case malformedListing
        /// Signed access was asked for, and the environment holds no credentials.
        case noCredentials
        case unsupported
        case cancelled
        /// The file system refused.
        case file
        /// The file system refused for the moment: a stale handle, too many open files.
        case busyFile
    }

    public let code: Code
    /// The object or folder, such as `s3://bucket/key`, without credentials.
    public let url: String
    /// One line.
    public let message: String
    public let httpStatus: Int?
    /// Attempts made, this one included.
    public internal(set) var tries: Int
    /// Time from the first attempt to the last failure.
    public internal(set) var seconds: Double
    /// What the server asked us to wait before the next attempt.
    var retryAfterSeconds: Double?

    public init(
        _ code: Code, url: String, message: String, httpStatus: Int? = nil, tries: Int = 1, seconds: Double = 0
    ) {
        self.code = code
        self.url = Self.oneLine(url, limit: 2_000)
        self.message = Self.oneLine(message, limit: 300)
        self.httpStatus = httpStatus
        self.tries = tries
        self.seconds = seconds
    }

    /// Whether the same request may well succeed a moment later.
    public var isRetryable: Bool {
        switch code {
        case .throttled, .serverError, .connection, .timeout, .stalled, .clockSkew, .shortBody, .corruptBody, .busyFile:
            true
        case .badURL, .badKey, .unreachable, .forbidden, .noSuchStore, .badRequest, .certificate, .tooLarge,
            .malformedListing,
            .noCredentials, .unsupported, .cancelled, .file:
            false
        }
    }

    /// Whether no server has answered.
    var isUnanswered: Bool { httpStatus == nil && [.connection, .timeout, .stalled].contains(code) }

    /// Whether the error is an answer of the store.
    var isAnswer: Bool {
        httpStatus != nil || [.shortBody, .corruptBody, .tooLarge, .malformedListing].contains(code)
    }

    /// Whether a store has answered that it does not list: what is in a folder is not known then.
    public var cannotList: Bool { [.malformedListing, .forbidden, .badRequest, .unsupported].contains(code) }

    public var description: String {
        let attempts = tries == 1 ? "1 try" : "\(tries) tries"
        let tenths = (max(0, seconds) * 10).rounded() / 10
        return "\(url): \(code.rawValue): \(message) (\(attempts), \(tenths) s)"
    }

    /// The text in one line, cut after `limit` scalars. Control characters, direction marks and characters without width become spaces, so that
    /// no text looks different from what it is.
    static func oneLine(_ text: String, limit: Int) -> String {
        var scalars = String.UnicodeScalarView()
        var count = 0
        for scalar in text.unicodeScalars {
            guard count < limit else {
                scalars.append("…")
                break
            }
            scalars.append(ObjectKey.isControl(scalar) || isDeceptive(scalar) ? " " : scalar)
            count += 1
        }
        return String(scalars)
    }

    private static func isDeceptive(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .format, .privateUse, .surrogate, .unassigned, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
