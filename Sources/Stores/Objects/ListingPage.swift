internal import Elements

/// One page of a listing, and how to ask for the next one.
struct ListingPage: Sendable, Equatable {
    var prefixes: [String] = []
    var objects: [ListedObject] = []
    /// Some of the names that cannot be a part of a key.
    var refused: [String] = []
    /// nil on the last page.
    var next: String?

    /// A listing with more pages than this is given up.
    static let maximumPages = 100_000
    /// The most empty pages in a row. Some servers send empty pages where much has been deleted.
    static let maximumEmptyPages = 1000
    /// Memory for the names of one folder.
    static let maximumBytes = 256 << 20

    /// The memory that the page takes, roughly.
    var byteCount: Int {
        prefixes.reduce(0) { $0 + $1.utf8.count + 48 }
            + objects.reduce(0) { $0 + $1.name.utf8.count + ($1.etag?.utf8.count ?? 0) + 128 } + (next?.utf8.count ?? 0)
    }

    /// A hash of all names on the page.
    var names: Int {
        var hasher = Hasher()
        for name in prefixes { hasher.combine(ByteName(name)) }
        for object in objects { hasher.combine(ByteName(object.name)) }
        return hasher.finalize()
    }
}

/// A store whose listings come in pages, so that a failure repeats one page and not the whole listing.
protocol PagedStore: ObjectStore {
    /// What errors call the server: host and port.
    var server: String { get }

    func listPage(_ prefix: String, after token: String?) async throws(StoreError) -> ListingPage

    /// Asks for the store itself, to see whether there is an answer of any kind.
    func probe() async throws(StoreError)
}

extension PagedStore {
    /// The most refused names that are kept of one folder.
    private static var maximumRefused: Int { 20 }

    func list(_ prefix: String) async throws(StoreError) -> Listing {
        try await list(prefix) { token throws(StoreError) in try await listPage(prefix, after: token) }
    }

    /// Asks for pages until the last one.
    ///
    /// - Parameter maximumBytes: memory for the names.
    /// - Throws: ``StoreError/Code/malformedListing`` when the server goes round in circles, or never comes to an end.
    func list(
        _ prefix: String, maximumBytes: Int = ListingPage.maximumBytes,
        page: (String?) async throws(StoreError) -> ListingPage
    ) async throws(StoreError) -> Listing {
        var prefixes: [String] = []
        var objects: [ListedObject] = []
        var refused: [String] = []
        // As hashes, because tokens may be long.
        var tokens = Set<Int>()
        var names = Set<Int>()
        var (pages, emptyPages, bytes) = (0, 0, 0)
        var token: String?
        func endless(_ reason: String) -> StoreError {
            StoreError(
                .malformedListing, url: url.url(of: prefix),
                message: "the listing does not end: \(reason) (page \(pages), \(prefixes.count + objects.count) names)")
        }
        repeat {
            let answer = try await page(token)
            pages += 1
            bytes += answer.byteCount
            let isEmpty = answer.prefixes.isEmpty && answer.objects.isEmpty
            emptyPages = isEmpty ? emptyPages + 1 : 0
            token = answer.next
            if let token {
                guard tokens.insert(ByteName(token).hashValue).inserted else {
                    throw endless("it goes on with a token seen before")
                }
                guard isEmpty || names.insert(answer.names).inserted else { throw endless("a page comes again") }
                guard emptyPages <= ListingPage.maximumEmptyPages else { throw endless("nothing is on its pages") }
                guard pages < ListingPage.maximumPages else { throw endless("it has too many pages") }
            }
            guard bytes <= maximumBytes else { throw endless("its names take more than \(maximumBytes) bytes") }
            prefixes += answer.prefixes
            objects += answer.objects
            refused += answer.refused.prefix(Self.maximumRefused - refused.count)
        } while token != nil
        return Listing(prefixes: prefixes, objects: objects, refused: refused)
    }
}
