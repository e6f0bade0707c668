internal import Crypto
internal import Elements
internal import Foundation

/// AWS Signature Version 4 for S3, which signs the path as it is sent (no second encoding).
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
struct SignatureV4 {
    let credentials: S3Credentials
    let region: String
    /// `20130524T000000Z`
    let timestamp: String

    /// SHA-256 of no bytes, which is what a GET carries.
    static let emptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    init(credentials: S3Credentials, region: String, secondsSince1970: Int) {
        self.credentials = credentials
        self.region = region
        timestamp = Self.timestamp(secondsSince1970)
    }

    /// The headers which a signed GET or HEAD has besides `Host` and those given.
    func headers(
        method: String = "GET", host: String, path: String, query: String, others: [(String, String)]
    ) -> [(String, String)] {
        var signed = others
        signed.append(("x-amz-content-sha256", Self.emptyPayload))
        signed.append(("x-amz-date", timestamp))
        if let token = credentials.sessionToken { signed.append(("x-amz-security-token", token)) }
        let authorization = authorization(
            method: method, path: path, query: query, headers: signed + [("host", host)], payload: Self.emptyPayload)
        return signed + [("Authorization", authorization)]
    }

    /// The value of the `Authorization` header.
    ///
    /// - Parameters:
    ///   - path: percent-encoded.
    ///   - query: percent-encoded, sorted by name, `name=value` joined by `&`.
    func authorization(
        method: String, path: String, query: String, headers: [(String, String)], payload: String
    ) -> String {
        let canonicalHeaders = headers.map { name, value in
            (name.lowercased(), value.split(separator: " ").joined(separator: " "))
        }.sorted { $0.0 < $1.0 }
        let names = canonicalHeaders.map(\.0).joined(separator: ";")
        let lines = canonicalHeaders.map { "\($0.0):\($0.1)\n" }.joined()
        let request = "\(method)\n\(path)\n\(query)\n\(lines)\n\(names)\n\(payload)"

        let day = String(timestamp.prefix(8))
        let scope = "\(day)/\(region)/s3/aws4_request"
        let text =
            "AWS4-HMAC-SHA256\n\(timestamp)\n\(scope)\n\(SHA256.hash(data: Data(request.utf8)).hexadecimal)"
        var key = SymmetricKey(data: Data("AWS4\(credentials.secretAccessKey)".utf8))
        for part in [day, region, "s3", "aws4_request"] {
            key = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Data(part.utf8), using: key))
        }
        let signature = HMAC<SHA256>.authenticationCode(for: Data(text.utf8), using: key).hexadecimal
        return
            "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope),SignedHeaders=\(names),Signature=\(signature)"
    }

    private static func timestamp(_ secondsSince1970: Int) -> String {
        var time = time_t(secondsSince1970)
        var parts = tm()
        gmtime_r(&time, &parts)
        func padded(_ number: Int32, _ width: Int = 2) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        let day = padded(parts.tm_year + 1900, 4) + padded(parts.tm_mon + 1) + padded(parts.tm_mday)
        return "\(day)T\(padded(parts.tm_hour))\(padded(parts.tm_min))\(padded(parts.tm_sec))Z"
    }
}
