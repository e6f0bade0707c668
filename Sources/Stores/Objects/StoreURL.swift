internal import Elements

/// Names a store: `s3://bucket/prefix`, `https://host/prefix`, `http://…`, `file:///folder` or `sample:`.
///
/// An `https://` URL of an AWS bucket becomes the `s3://` it stands for, so that it can be listed. Paths of http(s)
/// URLs are percent-decoded; those of `s3://` and `file://` are taken as they are.
public struct StoreURL: Sendable, Hashable, CustomStringConvertible {
    public enum Scheme: String, Sendable { case s3, https, http, file, sample }

    public let scheme: Scheme
    /// The bucket of an `s3://` URL, else "".
    public let bucket: String
    /// The folder inside the store, without slash at either end.
    public let prefix: String
    /// `host[:port]` of an http(s) URL, lower case, without the scheme's own port; else "".
    let authority: String
    /// The region in an AWS host name.
    let region: String?

    /// The built-in sample bucket.
    public static let sample = StoreURL(scheme: .sample)

    private init(
        scheme: Scheme, bucket: String = "", authority: String = "", prefix: String = "", region: String? = nil
    ) {
        self.scheme = scheme
        self.bucket = bucket
        self.prefix = prefix
        self.authority = authority
        self.region = region
    }

    /// - Throws: ``StoreError/Code/badURL`` for another scheme, for a user, password, query or fragment, and for a path with `..`.
    public init(_ text: String) throws(StoreError) {
        func refuse(_ reason: String) -> StoreError {
            StoreError(.badURL, url: Self.withoutSecrets(text), message: reason)
        }
        guard !text.unicodeScalars.contains(where: ObjectKey.isControl) else {
            throw refuse("the URL has control characters")
        }
        guard let colon = text.firstIndex(of: ":"), let scheme = Scheme(rawValue: text[..<colon].lowercased()) else {
            throw refuse("a store's URL begins with s3://, https://, http://, file:// or is sample:")
        }
        var rest = text[text.index(after: colon)...]
        if scheme == .sample {
            guard let prefix = Self.folder(rest) else { throw refuse("the path has empty, . or .. components") }
            self.init(scheme: .sample, prefix: prefix)
            return
        }
        guard rest.hasPrefix("//") else { throw refuse("\"//\" must follow \"\(scheme.rawValue):\"") }
        rest = rest.dropFirst(2)
        let slash = rest.utf8.firstIndex(of: ObjectKey.slash) ?? rest.endIndex
        let authority = String(rest[..<slash])
        let path = rest[slash...]

        switch scheme {
        case .file:
            guard authority.isEmpty || authority == "localhost" else {
                throw refuse("file:// must be followed by an absolute path: file:///folder")
            }
            // Percent-encoded, as in any URL; a path that is not valid encoding is taken literally.
            let decoded = ObjectKey.percentDecode(path, plusIsSpace: false) ?? String(path)
            guard !decoded.unicodeScalars.contains(where: ObjectKey.isControl) else {
                throw refuse("the path has control characters")
            }
            let components = decoded.pathComponents().filter { $0 != "." }
            self.init(scheme: .file, prefix: components.joined(separator: "/"))
        case .s3:
            guard Self.isBucket(authority) else {
                throw refuse("\"\(Self.withoutSecrets(authority))\" is no bucket name")
            }
            guard let prefix = Self.folder(path) else { throw refuse("the path has empty, . or .. components") }
            self.init(scheme: .s3, bucket: authority, prefix: prefix)
        case .http, .https:
            guard !authority.contains("@") else { throw refuse("a user or password in a URL is not accepted") }
            guard !path.contains("?"), !path.contains("#") else { throw refuse("a query or fragment is not accepted") }
            guard let host = HostName(authority, scheme: scheme.rawValue) else { throw refuse("the host is not valid") }
            guard let decoded = ObjectKey.percentDecode(path, plusIsSpace: false),
                let prefix = Self.folder(Substring(decoded)),
                !decoded.unicodeScalars.contains(where: ObjectKey.isControl)
            else { throw refuse("the path has empty, . or .. components, or is not percent-encoded UTF-8") }
            if let aws = AWSHost(host.text) {
                let bucket = aws.bucket ?? String(ObjectKey.firstComponent(of: Substring(prefix)).name)
                guard Self.isBucket(bucket) else { throw refuse("the URL names no bucket") }
                let folder = aws.bucket == nil ? String(prefix.utf8.dropFirst(bucket.utf8.count + 1)) ?? "" : prefix
                self.init(scheme: .s3, bucket: bucket, prefix: folder, region: aws.region)
                return
            }
            self.init(scheme: scheme, authority: host.text, prefix: prefix)
        case .sample:
            self = .sample
        }
    }

    /// Compares the folder's name byte by byte.
    public static func == (first: StoreURL, second: StoreURL) -> Bool {
        first.scheme == second.scheme && first.bucket == second.bucket && first.authority == second.authority
            && first.region == second.region && first.prefix.hasSameBytes(as: second.prefix)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(scheme)
        hasher.combine(bucket)
        hasher.combine(authority)
        hasher.combine(ByteName(prefix))
    }

    public var description: String { url(of: "") }

    /// The full name of a key, for messages and attributes: `s3://bucket/prefix/key`, never with credentials.
    public func url(of key: String) -> String {
        let path = ObjectKey.join(prefix, key)
        switch scheme {
        case .s3: return path.isEmpty ? "s3://\(bucket)" : "s3://\(bucket)/\(path)"
        case .http, .https:
            return "\(scheme.rawValue)://\(authority)/\(ObjectKey.percentEncode(path, keepingSlashes: true))"
        case .file: return "file:///\(path)"
        case .sample: return "sample:\(path)"
        }
    }

    /// A folder path without slashes at its ends; nil where a component is empty, `.` or `..`.
    private static func folder(_ path: Substring) -> String? {
        var bytes = path.utf8
        if bytes.first == ObjectKey.slash { bytes = bytes.dropFirst() }
        while bytes.last == ObjectKey.slash { bytes = bytes.dropLast() }
        guard !bytes.isEmpty else { return "" }
        let path = Substring(bytes)
        return path.pathComponents(keepingEmpty: true).allSatisfy(ObjectKey.isName) ? String(path) : nil
    }

    private static func isBucket(_ name: String) -> Bool {
        let allowed = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        return allowed && name.utf8.count <= 255 && ObjectKey.isName(name)
    }

    /// The text without what stands before an `@` of the authority and without a query or fragment.
    static func withoutSecrets(_ text: String) -> String {
        var result = String(text.prefix { $0 != "?" && $0 != "#" })
        if let at = result.lastIndex(of: "@") {
            let head = result[..<at]
            let start = head.firstRange(of: "://")?.upperBound ?? head.startIndex
            result.replaceSubrange(start...at, with: "")
        }
        return result
    }
}
