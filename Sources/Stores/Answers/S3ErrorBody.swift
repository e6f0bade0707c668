internal import Elements

/// `<Error><Code>…</Code><Message>…</Message></Error>`.
struct S3ErrorBody: Sendable, Equatable {
    let code: String
    let message: String
    let region: String?
    let endpoint: String?

    /// - Returns: nil when the body is something else.
    init?(_ body: ByteBuffer) {
        guard XMLReader.rootName(body) == "Error" else { return nil }
        var fields: [String: String] = [:]
        do throws(XMLReader.Fault) {
            try XMLReader.read(body) { element in
                if element.path.count == 2 { fields[element.path[1]] = element.text }
            }
        } catch {
            return nil
        }
        code = fields["Code"] ?? ""
        message = fields["Message"] ?? ""
        region = fields["Region"]
        endpoint = fields["Endpoint"]
    }

    init(code: String, message: String = "", region: String? = nil, endpoint: String? = nil) {
        self.code = code
        self.message = message
        self.region = region
        self.endpoint = endpoint
    }

    /// Whether a 404 with this body says that the *object* does not exist, and not something else.
    var isMissingObject: Bool { ["NoSuchKey", "NoSuchVersion"].contains(code) }
}

extension StoreError {
    private static let throttlingCodes: Set<String> = [
        "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "RequestThrottled",
        "BandwidthLimitExceeded",
    ]
    private static let credentialCodes: Set<String> = [
        "ExpiredToken", "InvalidToken", "InvalidAccessKeyId", "SignatureDoesNotMatch",
    ]

    /// The error for an answer that is neither an object nor a proof of its absence.
    init(answer response: HTTPResponse, url: String, isSigned: Bool) {
        let body = S3ErrorBody(response.body)
        let status = response.status
        let code: Code
        switch (status, body?.code ?? "") {
        case (_, let name) where Self.throttlingCodes.contains(name): code = .throttled
        case (429, _): code = .throttled
        case (_, "RequestTimeTooSkewed"): code = .clockSkew
        case (_, "RequestTimeout"), (408, _): code = .timeout
        case (_, "InternalError"), (_, "ServiceUnavailable"), (500..., _): code = .serverError
        case (_, let name) where Self.credentialCodes.contains(name): code = .forbidden
        case (401, _), (403, _), (_, "AccessDenied"): code = .forbidden
        case (_, "NoSuchBucket"): code = .noSuchStore
        default: code = .badRequest
        }
        var message = "HTTP \(status)"
        if let body, !body.code.isEmpty { message += " \(body.code)" }
        if let body, !body.message.isEmpty { message += ": \(body.message)" }
        if body == nil { message += Self.glimpse(of: response) }
        if code == .forbidden, !isSigned, status == 403 { message += " (the request was anonymous)" }
        if (300..<400).contains(status) {
            let target = (response.redirectURL ?? response.headers["location"]).map { StoreURL.withoutSecrets($0) }
            message +=
                ": redirected to \(target ?? "nowhere"), which \(isSigned ? "a signed request" : "it") does not follow"
        }
        self.init(code, url: url, message: message, httpStatus: status)
        retryAfterSeconds = response.headers["retry-after"].flatMap { RetryAfter.seconds($0) }
    }
    /// For an answer that is not S3's: its content type and its first words, cleaned and cut.
    private static func glimpse(of response: HTTPResponse) -> String {
        var parts: [String] = []
        if let type = response.headers["content-type"], !type.isEmpty { parts.append(oneLine(type, limit: 60)) }
        let start = response.body.withUnsafeBytes { String(decoding: $0.prefix(400), as: UTF8.self) }
        let words = start.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        if !words.isEmpty { parts.append("\"\(oneLine(words, limit: 80))\"") }
        return parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))"
    }
}
