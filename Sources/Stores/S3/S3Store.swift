internal import Elements
internal import Foundation
internal import Synchronization
internal import Threads

/// A folder of an S3 bucket, each request sent once.
final class S3Store: PagedStore {
    let url: StoreURL
    private let loop: TransferLoop
    private let credentials: S3Credentials?
    private let endpoint: Mutex<S3Endpoint>
    private let bodies = BodyReader()
    private let headRequest = HeadRequest()

    /// Bytes of a listing page; 1000 keys of 1024 bytes, each up to three times as long by its encoding, fit well.
    private static let maximumListingBytes = 16 << 20
    /// Redirects within one request.
    private static let maximumRedirects = 4

    /// - Throws: ``StoreError`` for a bad endpoint, or when signing is asked for without credentials.
    init(url: StoreURL, options: StoreOptions, loop: TransferLoop) throws(StoreError) {
        self.url = url
        self.loop = loop
        credentials = options.anonymous ? nil : try S3Credentials(environment: options.environment, url: url)
        let environment = options.environment
        let named = [environment["AWS_REGION"], environment["AWS_DEFAULT_REGION"]].compactMap { $0 }.first {
            !$0.isEmpty
        }
        let region = url.region ?? (options.anonymous ? nil : named)
        if let server = options.effectiveEndpoint {
            endpoint = Mutex(try S3Endpoint(server: server, region: region))
        } else {
            endpoint = Mutex(try S3Endpoint(bucket: url.bucket, region: region))
        }
    }

    func get(_ key: String, part: ObjectPart, maximumBytes: Int) async throws(StoreError) -> StoredObject? {
        try ObjectKey.check(key, in: url)
        let path = ObjectKey.join(url.prefix, key)
        let name = name(of: key, path: path)
        try part.check(maximumBytes: maximumBytes, name: name)
        let response = try await send(
            key: path, query: [], part: part, maximumBytes: maximumBytes, name: name)
        switch response.status {
        case 200, 206:
            if let part = response.otherPart(than: part) {
                return try await get(key, part: part, maximumBytes: maximumBytes)
            }
            return try await bodies.object(response, key: key, part: part, maximumBytes: maximumBytes, name: name) {
                () throws(StoreError) in
                try await send(key: path, query: [], part: .range(0..<3), maximumBytes: 3, name: name)
            }
        case 404 where AbsenceProof.isGiven(byS3: response):
            return nil
        default:
            throw StoreError(answer: response, url: name, isSigned: credentials != nil)
        }
    }

    func listPage(_ prefix: String, after token: String?) async throws(StoreError) -> ListingPage {
        try ObjectKey.checkFolder(prefix, in: url)
        let path = ObjectKey.join(url.prefix, prefix)
        let folder = path.isEmpty ? "" : path + "/"
        let name = name(of: prefix, path: "")
        // Sorted by name, as they are signed.
        var query = [("delimiter", "/"), ("encoding-type", "url"), ("list-type", "2"), ("prefix", folder)]
        if let token { query.insert(("continuation-token", token), at: 0) }
        return try await listing(query, name: name) { body throws(S3ListingPage.Unreadable) in
            try S3ListingPage.read(body, folder: folder)
        }
    }

    private func listing<Page: Sendable>(
        _ query: [(String, String)], name: String,
        read: @escaping @Sendable (ByteBuffer) throws(S3ListingPage.Unreadable) -> Page
    ) async throws(StoreError) -> Page {
        let response = try await send(
            key: "", query: query, part: .whole, maximumBytes: Self.maximumListingBytes, name: name)
        guard response.status == 200, XMLReader.rootName(response.body) != "Error" else {
            throw StoreError(answer: response, url: name, isSigned: credentials != nil)
        }
        let body = response.body
        do throws(S3ListingPage.Unreadable) {
            return try await ThreadPool.compute.run { () throws(S3ListingPage.Unreadable) -> Page in try read(body) }
        } catch {
            throw StoreError(error.code, url: name, message: error.message, httpStatus: response.status)
        }
    }

    func head(_ key: String) async throws(StoreError) -> HeadAnswer {
        try ObjectKey.check(key, in: url)
        let path = ObjectKey.join(url.prefix, key)
        let name = name(of: key, path: path)
        let isSigned = credentials != nil
        return try await headRequest.ask(name: name, isSigned: isSigned) { response, isHead in
            isHead ? AbsenceProof.isGiven(byS3Head: response) : AbsenceProof.isGiven(byS3: response)
        } send: { (part, isHead) throws(StoreError) in
            try await send(key: path, query: [], part: part, isHead: isHead, maximumBytes: 1, name: name)
        }
    }

    func objects(below prefix: String, after token: String?) async throws(StoreError) -> ObjectPage? {
        try ObjectKey.checkFolder(prefix, in: url)
        let path = ObjectKey.join(url.prefix, prefix)
        let folder = path.isEmpty ? "" : path + "/"
        let root = url.prefix.isEmpty ? "" : url.prefix + "/"
        var query = [("encoding-type", "url"), ("list-type", "2"), ("prefix", folder)]
        if let token { query.insert(("continuation-token", token), at: 0) }
        return try await listing(query, name: name(of: prefix, path: "")) { body throws(S3ListingPage.Unreadable) in
            try S3ListingPage.readDeep(body, folder: folder, root: root)
        }
    }

    var server: String {
        let current = endpoint.withLock { $0 }
        return current.host.withPort(scheme: current.scheme)
    }

    func probe() async throws(StoreError) {
        _ = try await send(key: "", query: [], part: .whole, isHead: true, maximumBytes: 1, name: url.description)
    }

    /// The name of an object in errors: its place in the bucket, and the requested address, which one can try by hand.
    private func name(of key: String, path: String) -> String {
        let current = endpoint.withLock { $0 }
        let address = "\(current.scheme)://\(current.host.text)\(current.path(bucket: url.bucket, key: path))"
        return "\(url.url(of: key)) (\(address))"
    }

    /// Sends a GET or HEAD, signed where there are credentials, and follows the bucket to its region.
    private func send(
        key: String, query: [(String, String)], part: ObjectPart, isHead: Bool = false, maximumBytes: Int, name: String
    ) async throws(StoreError) -> HTTPResponse {
        var redirects = 0
        while true {
            let current = endpoint.withLock { $0 }
            let path = current.path(bucket: url.bucket, key: key)
            let queryText = query.map { field, value in
                "\(field)=\(ObjectKey.percentEncode(value, keepingSlashes: false))"
            }.joined(separator: "&")
            var request = HTTPRequest(
                url: "\(current.scheme)://\(current.host.text)\(path)" + (queryText.isEmpty ? "" : "?\(queryText)"),
                part: part, isHead: isHead, maximumBytes: maximumBytes, name: name)
            if let credentials {
                let signature = SignatureV4(
                    credentials: credentials, region: current.region,
                    secondsSince1970: Int(Date().timeIntervalSince1970))
                request.headers = signature.headers(
                    method: isHead ? "HEAD" : "GET", host: current.host.text, path: path, query: queryText, others: []
                ).map { (name: $0.0, value: $0.1) }
            }
            let response = try await loop.send(request)
            redirects += 1
            guard redirects <= Self.maximumRedirects,
                let next = current.redirected(by: response, bucket: url.bucket, isSigned: credentials != nil),
                next != current
            else { return response }
            endpoint.withLock { $0 = next }
        }
    }
}
