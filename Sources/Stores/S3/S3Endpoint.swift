/// Where the requests for one bucket go, and the region they are signed for. Changes when a server says that the bucket
/// lives elsewhere.
struct S3Endpoint: Sendable, Hashable {
    /// `http` or `https`.
    let scheme: String
    let host: HostName
    /// Path of the server before the bucket, percent-encoded, "" or `/…`.
    let basePath: String
    /// The bucket is a part of the host name, not of the path.
    let isVirtualHost: Bool
    let region: String
    /// Whether host names follow from regions.
    let isAWS: Bool

    static let defaultRegion = "us-east-1"

    private init(scheme: String, host: HostName, basePath: String, isVirtualHost: Bool, region: String, isAWS: Bool) {
        self.scheme = scheme
        self.host = host
        self.basePath = basePath
        self.isVirtualHost = isVirtualHost
        self.region = region
        self.isAWS = isAWS
    }

    /// AWS itself: virtual-host style, or path style for bucket names that no certificate covers (dots, capitals). Without a region it is the
    /// global host, which redirects to any bucket's region.
    init(bucket: String, region: String?) throws(StoreError) {
        let isVirtualHost = bucket.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
            default: false
            }
        }
        let domain = region?.hasPrefix("cn-") == true ? "amazonaws.com.cn" : "amazonaws.com"
        let service = region.map { "s3.\($0).\(domain)" } ?? "s3.\(domain)"
        guard let host = HostName(isVirtualHost ? "\(bucket).\(service)" : service, scheme: "https") else {
            throw StoreError(.badURL, url: "s3://\(bucket)", message: "\"\(region ?? "")\" is no region")
        }
        self.init(
            scheme: "https", host: host, basePath: "", isVirtualHost: isVirtualHost,
            region: region ?? Self.defaultRegion, isAWS: true)
    }

    /// Another server, path style.
    ///
    /// - Parameter text: `http(s)://host[:port][/path]`.
    /// - Throws: ``StoreError/Code/badURL``, also for a user, password, query or fragment.
    init(server text: String, region: String?) throws(StoreError) {
        func refuse(_ reason: String) -> StoreError {
            StoreError(.badURL, url: StoreURL.withoutSecrets(text), message: "the S3 endpoint \(reason)")
        }
        guard !text.unicodeScalars.contains(where: ObjectKey.isControl), let separator = text.firstRange(of: "://"),
            case let scheme = text[..<separator.lowerBound].lowercased(), scheme == "http" || scheme == "https"
        else { throw refuse("must begin with http:// or https://") }
        let rest = text[separator.upperBound...]
        guard !rest.contains("@"), !rest.contains("?"), !rest.contains("#") else {
            throw refuse("must not hold a user, password, query or fragment")
        }
        let authority = rest.prefix { $0 != "/" }
        guard let host = HostName(authority, scheme: scheme) else { throw refuse("has no valid host") }
        let components = rest.dropFirst(authority.count).split(separator: "/")
        guard components.allSatisfy(ObjectKey.isName) else { throw refuse("has a path with . or .. components") }
        let path = components.map { component in
            let plain = ObjectKey.percentDecode(component, plusIsSpace: false) ?? String(component)
            return "/" + ObjectKey.percentEncode(plain, keepingSlashes: false)
        }
        self.init(
            scheme: scheme, host: host, basePath: path.joined(), isVirtualHost: false,
            region: region ?? AWSHost(host.text)?.region ?? Self.defaultRegion, isAWS: false)
    }

    /// The percent-encoded path of a key, or of the bucket for an empty key. It is sent and signed as it is.
    func path(bucket: String, key: String) -> String {
        let encodedKey = ObjectKey.percentEncode(key, keepingSlashes: true)
        if isVirtualHost { return "\(basePath)/\(encodedKey)" }
        let encodedBucket = ObjectKey.percentEncode(bucket, keepingSlashes: false)
        return key.isEmpty ? "\(basePath)/\(encodedBucket)" : "\(basePath)/\(encodedBucket)/\(encodedKey)"
    }

    /// The endpoint that an answer redirects to; nil where it does not redirect.
    ///
    /// AWS may redirect only to AWS. Other servers may redirect only unsigned requests, and never from https to http. Signed requests stay on
    /// their host and port, because another port may belong to somebody else.
    func redirected(by response: HTTPResponse, bucket: String, isSigned: Bool) -> S3Endpoint? {
        guard [301, 302, 307, 308, 400].contains(response.status) else { return nil }
        let body = S3ErrorBody(response.body)
        var target = response.headers["location"] ?? body?.endpoint
        if response.status == 400 { target = body?.endpoint }
        let named = target.flatMap { Self.authority(of: $0, scheme: scheme) }
        let region = [
            response.headers["x-amz-bucket-region"], body?.region, named.flatMap { AWSHost($0.host.text)?.region },
        ].compactMap { $0 }.first(where: Self.isRegion)

        if isAWS {
            guard let region else { return nil }
            return try? S3Endpoint(bucket: bucket, region: region)
        }
        let mayMove = named.map {
            isSigned ? ($0.scheme == scheme && $0.host == host) : $0.scheme == "https" || scheme == "http"
        }
        if let named, mayMove == true {
            let isVirtualHost = named.host.text.hasPrefix(bucket.lowercased() + ".")
            return S3Endpoint(
                scheme: named.scheme, host: named.host, basePath: basePath, isVirtualHost: isVirtualHost,
                region: region ?? self.region, isAWS: false)
        }
        return region.map {
            S3Endpoint(
                scheme: scheme, host: host, basePath: basePath, isVirtualHost: isVirtualHost, region: $0, isAWS: false)
        }
    }

    /// Scheme and host of an absolute URL or of a bare host name.
    private static func authority(of text: String, scheme: String) -> (scheme: String, host: HostName)? {
        var scheme = scheme
        var rest = text[...]
        if let separator = text.firstRange(of: "://") {
            scheme = text[..<separator.lowerBound].lowercased()
            rest = text[separator.upperBound...]
        }
        guard scheme == "http" || scheme == "https" else { return nil }
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        return HostName(authority, scheme: scheme).map { (scheme, $0) }
    }

    private static func isRegion(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 40
            && text.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}
