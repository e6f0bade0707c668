internal import Elements
internal import Synchronization
internal import Threads

/// A folder of a plain web server, each request sent once.
final class HTTPStore: PagedStore {
    let url: StoreURL
    private let loop: TransferLoop
    private let bodies = BodyReader()
    private let headRequest = HeadRequest()

    private static let maximumRedirects = 5
    private static let maximumListingBytes = 32 << 20

    init(url: StoreURL, loop: TransferLoop) {
        self.url = url
        self.loop = loop
    }

    func get(_ key: String, part: ObjectPart, maximumBytes: Int) async throws(StoreError) -> StoredObject? {
        try ObjectKey.check(key, in: url)
        let name = url.url(of: key)
        try part.check(maximumBytes: maximumBytes, name: name)
        let request = HTTPRequest(url: name, part: part, maximumBytes: maximumBytes, name: name)
        let (response, address) = try await send(request)
        switch response.status {
        case 200, 206:
            if let part = response.otherPart(than: part) {
                return try await get(key, part: part, maximumBytes: maximumBytes)
            }
            return try await bodies.object(response, key: key, part: part, maximumBytes: maximumBytes, name: name) {
                () throws(StoreError) in
                try await send(HTTPRequest(url: name, part: .range(0..<3), maximumBytes: 3, name: name)).0
            }
        case 404, 410:
            guard AbsenceProof.isGiven(byHTTP: response, isRedirected: address != name) else {
                throw redirectedError(response, name, address)
            }
            return nil
        default:
            throw redirectedError(response, name, address)
        }
    }

    func head(_ key: String) async throws(StoreError) -> HeadAnswer {
        try ObjectKey.check(key, in: url)
        let name = url.url(of: key)
        let isRedirected = Atomic(false)
        return try await headRequest.ask(name: name, isSigned: false) { response, _ in
            AbsenceProof.isGiven(byHTTP: response, isRedirected: isRedirected.load(ordering: .relaxed))
        } send: { (part, isHead) throws(StoreError) in
            let (response, address) = try await send(
                HTTPRequest(url: name, part: part, isHead: isHead, maximumBytes: 1, name: name))
            isRedirected.store(address != name, ordering: .relaxed)
            return response
        }
    }

    /// The error for an answer. It names the address that a redirect led to.
    private func redirectedError(_ response: HTTPResponse, _ name: String, _ address: String) -> StoreError {
        let place = address == name ? name : "\(name) (redirected to \(StoreURL.withoutSecrets(address)))"
        return StoreError(answer: response, url: place, isSigned: false)
    }

    var server: String {
        HostName(url.authority, scheme: url.scheme.rawValue)?.withPort(scheme: url.scheme.rawValue) ?? url.authority
    }

    func probe() async throws(StoreError) {
        let name = url.description
        _ = try await loop.send(HTTPRequest(url: name, isHead: true, maximumBytes: 1, name: name))
    }

    /// The index that the server makes of a folder; one page.
    func listPage(_ prefix: String, after token: String?) async throws(StoreError) -> ListingPage {
        try ObjectKey.checkFolder(prefix, in: url)
        let folder = url.url(of: prefix)
        let name = folder.hasSuffix("/") ? folder : folder + "/"
        let (response, address) = try await send(
            HTTPRequest(url: name, maximumBytes: Self.maximumListingBytes, name: name))
        switch response.status {
        case 200: break
        case 404, 410:
            guard AbsenceProof.isGiven(byHTTP: response, isRedirected: address != name) else {
                throw redirectedError(response, name, address)
            }
            return ListingPage()
        default: throw redirectedError(response, name, address)
        }
        let body = response.body
        let page = await ThreadPool.compute.run { () throws(Never) -> ListingPage? in
            JSONIndex.read(body) ?? HTMLIndex.read(body, address: address)
        }
        guard let page else {
            throw StoreError(
                .malformedListing, url: name,
                message: "the server does not list its folders; it must have an index (nginx autoindex, Apache, …)",
                httpStatus: 200)
        }
        return page
    }

    /// Sends a request and follows redirects: at most five, only to http and https, never from https to http.
    private func send(_ request: HTTPRequest) async throws(StoreError) -> (HTTPResponse, address: String) {
        var address = request.url
        for _ in 0...Self.maximumRedirects {
            let response = try await loop.send(
                HTTPRequest(
                    url: address, part: request.part, isHead: request.isHead, maximumBytes: request.maximumBytes,
                    name: request.name))
            guard [301, 302, 303, 307, 308].contains(response.status), let target = response.redirectURL,
                Self.mayFollow(target, from: address)
            else { return (response, address) }
            address = target
        }
        throw StoreError(
            .badRequest, url: request.name, message: "redirected more than \(Self.maximumRedirects) times")
    }

    static func mayFollow(_ target: String, from address: String) -> Bool {
        let lower = target.lowercased()
        guard lower.hasPrefix("https://") || (lower.hasPrefix("http://") && !address.lowercased().hasPrefix("https://"))
        else { return false }
        let rest = target.drop { $0 != "/" }.dropFirst(2)
        return !rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }.contains("@")
    }
}
