internal import Elements
import Foundation
import JSONText

/// The address of a store. Only its syntax is checked; the network is not used.
enum StoreAddress {
    fileprivate static let expected =
        "a store URL (s3://bucket/prefix, https://host/path, file:///path, sample:) or a path"
    fileprivate static let schemes = ["s3", "https", "http", "file", "sample"]

    /// Checks a URL by the rules of its scheme.
    fileprivate static func check(_ text: String, _ scheme: String, _ path: JSONPath) throws(ManifestError) {
        try checkSecrets(text, path)
        let rest = text.dropFirst(scheme.count + 1)
        switch scheme {
        case "s3": try checkBucket(rest, text, path)
        case "http", "https": try checkWeb(rest, text, path, allowed: "https://host[:port]/path")
        case "file": try checkFile(rest, text, path)
        case "sample" where rest.isEmpty: break
        case "sample": throw refuse(text, path, "\"sample:\" with nothing after it")
        default:
            var problem = refuse(text, path, expected)
            problem.suggestion = Spelling.nearest(to: scheme, in: schemes)
            throw problem
        }
    }

    /// The folder that a `file:` source stands for; nil for every other store.
    static func folder(of source: String) -> AbsolutePath? {
        guard scheme(of: source) == "file" else { return nil }
        let encoded = String(source.dropFirst("file://".count))
        return AbsolutePath(encoded.removingPercentEncoding ?? encoded)
    }

    /// `file:///…` with everything percent-encoded that RFC 3986 does not let stand in a path.
    fileprivate static func fileURL(_ path: AbsolutePath) -> String {
        let digits = Array("0123456789ABCDEF")
        var url = "file://"
        for byte in path.text.utf8 {
            if isUnreserved(byte) || "/!$&'()+,;=:*".utf8.contains(byte) {
                url.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                url += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return url
    }

    /// The text before the first `:`, where it is a scheme (RFC 3986, 3.1). A path has none.
    fileprivate static func scheme(of text: String) -> String? {
        guard let colon = text.firstIndex(of: ":"), text.utf8.first.map(isLetter) == true else { return nil }
        let scheme = text[..<colon]
        return scheme.utf8.allSatisfy { isLetter($0) || isDigit($0) || "+-.".utf8.contains($0) } ? String(scheme) : nil
    }

    /// Refuses URLs that may hold credentials or a signature, without showing them.
    fileprivate static func checkSecrets(_ text: String, _ path: JSONPath) throws(ManifestError) {
        let what = withheld(text)
        let authority = text.drop { $0 != ":" }.dropFirst().drop { $0 == "/" }.prefix { $0 != "/" }
        guard !authority.contains("@") else {
            throw ManifestError(
                path: path, found: "\(what) with a user name or password",
                expected: "none; credentials belong into the AWS_* variables")
        }
        guard !text.contains("?") else {
            throw ManifestError(path: path, found: "\(what) with a query", expected: "a URL without \"?\"")
        }
        guard !text.contains("#") else {
            throw ManifestError(path: path, found: "\(what) with a fragment", expected: "a URL without \"#\"")
        }
        guard text.utf8.count <= 2048, !text.unicodeScalars.contains(where: ShownText.isInvisible) else {
            throw refuse(text, path, "a URL of at most 2048 bytes without control characters")
        }
    }

    /// Checks the bucket by the naming rules of S3 (3 to 63 characters; letters, digits, `-`, `.`), and that the prefix does not climb.
    fileprivate static func checkBucket(_ rest: Substring, _ text: String, _ path: JSONPath) throws(ManifestError) {
        guard rest.hasPrefix("//") else { throw refuse(text, path, "s3://bucket/prefix") }
        let bucket = rest.dropFirst(2).prefix { $0 != "/" }
        let labels = bucket.split(separator: ".", omittingEmptySubsequences: false)
        let areLabels = labels.allSatisfy { label in
            label.first != "-" && label.last != "-" && !label.isEmpty
                && label.utf8.allSatisfy {
                    isDigit($0) || (isLetter($0) && $0 >= UInt8(ascii: "a")) || $0 == UInt8(ascii: "-")
                }
        }
        let isAddress = labels.count == 4 && labels.allSatisfy { $0.utf8.allSatisfy(isDigit) }
        guard (3...63).contains(bucket.utf8.count), areLabels, !isAddress else {
            throw refuse(
                text, path,
                "s3://bucket/prefix, the bucket of 3 to 63 characters: lower-case letters, digits, \"-\", \".\"")
        }
        let segments = rest.dropFirst(2 + bucket.count).split(separator: "/")
        guard !segments.contains("."), !segments.contains("..") else {
            throw refuse(text, path, "a prefix without \".\" and \"..\"")
        }
    }

    fileprivate static func checkWeb(
        _ rest: Substring, _ text: String, _ path: JSONPath, allowed: String
    ) throws(ManifestError) {
        guard rest.hasPrefix("//") else { throw refuse(text, path, allowed) }
        let authority = rest.dropFirst(2).prefix { $0 != "/" }
        let isLiteral = authority.hasPrefix("[")
        let host = isLiteral ? authority.prefix { $0 != "]" }.dropFirst() : authority.prefix { $0 != ":" }
        let port = authority.dropFirst(host.count + (isLiteral ? 2 : 0))
        let isHost =
            isLiteral
            ? host.contains(":") && host.utf8.allSatisfy { isHexDigit($0) || ":.".utf8.contains($0) }
                && authority.contains("]")
            : !host.hasPrefix(".") && !host.hasPrefix("-") && !host.contains("..")
                && host.utf8.allSatisfy { isLetter($0) || isDigit($0) || "-.".utf8.contains($0) }
        guard isHost, (1...253).contains(host.utf8.count) else {
            throw refuse(text, path, "\(allowed) with a host name")
        }
        let number = port.hasPrefix(":") && port.dropFirst().utf8.allSatisfy(isDigit) ? Int(port.dropFirst()) : nil
        guard port.isEmpty || (1...65535).contains(number ?? 0) else {
            throw refuse(text, path, "\(allowed) with a port from 1 to 65535")
        }
        try checkSegments(rest.dropFirst(2 + authority.count), text, path)
    }

    fileprivate static func checkFile(_ rest: Substring, _ text: String, _ path: JSONPath) throws(ManifestError) {
        guard rest.hasPrefix("///") else { throw refuse(text, path, "file:/// and an absolute path") }
        let segments = rest.dropFirst(3).split(separator: "/")
        guard segments.allSatisfy({ isEncoded($0.utf8) && $0.removingPercentEncoding?.contains("\0") == false }) else {
            throw refuse(text, path, "file:/// and a path, \"%\" written as %25")
        }
    }

    /// Checks the path of a web address: the characters of RFC 3986, and no `.` or `..`.
    private static func checkSegments(_ rest: Substring, _ text: String, _ path: JSONPath) throws(ManifestError) {
        let segments = rest.split(separator: "/")
        let areClean = segments.allSatisfy { segment in
            segment != "." && segment != ".." && isEncoded(segment.utf8)
                && segment.utf8.allSatisfy { isUnreserved($0) || "%!$&'()*+,;=:@".utf8.contains($0) }
        }
        guard areClean else { throw refuse(text, path, "a URL path, percent-encoded, without \".\" and \"..\"") }
    }

    /// A text with an `@` is not shown: the part before it may be a password, however wrong the URL is.
    fileprivate static func refuse(_ text: String, _ path: JSONPath, _ expected: String) -> ManifestError {
        let found = text.contains("@") ? withheld(text) : "\(QuotedText(text))"
        return ManifestError(path: path, found: found, expected: expected)
    }

    /// How a message names a URL without showing it.
    private static func withheld(_ text: String) -> String {
        guard let scheme = scheme(of: text), schemes.contains(scheme) else { return "a URL (not shown)" }
        return "a URL (\(scheme):…, not shown)"
    }

    /// Whether every `%` is followed by two hexadecimal digits.
    private static func isEncoded(_ text: Substring.UTF8View) -> Bool {
        var rest = text[...]
        while let mark = rest.firstIndex(of: UInt8(ascii: "%")) {
            let code = rest[mark...].dropFirst().prefix(2)
            guard code.count == 2, code.allSatisfy(isHexDigit) else { return false }
            rest = rest[code.endIndex...]
        }
        return true
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || "-._~".utf8.contains(byte)
    }
}

extension ManifestValue where T == String {
    /// The URL of a store; a plain path becomes a `file:///` URL, relative to the folder of the manifest.
    static var source: Self {
        Self(["type": "string", "minLength": 1, "maxLength": 2048], write: { text, _ in .string(text) }) {
            (value, path, reading) throws(ManifestError) in
            let expected = StoreAddress.expected
            guard let text = value.string, !text.isEmpty else { throw ManifestError(value, path, expected) }
            guard let scheme = StoreAddress.scheme(of: text) else {
                try AbsolutePath.check(text, path, expected)
                return StoreAddress.fileURL(AbsolutePath(text, in: reading.folder))
            }
            try StoreAddress.check(text, scheme, path)
            return text
        }
    }

    /// The root of another S3 server.
    static var endpoint: Self {
        let expected = "http(s)://host[:port][/path]"
        return Self(
            ["type": "string", "pattern": "^https?://[^/?#@]+(/[^?#]*)?$"], write: { text, _ in .string(text) }
        ) { (value, path, _) throws(ManifestError) in
            guard let text = value.string else { throw ManifestError(value, path, expected) }
            try StoreAddress.checkSecrets(text, path)
            guard let scheme = StoreAddress.scheme(of: text), scheme == "http" || scheme == "https" else {
                throw StoreAddress.refuse(text, path, expected)
            }
            try StoreAddress.checkWeb(text.dropFirst(scheme.count + 1), text, path, allowed: expected)
            return text
        }
    }
}
