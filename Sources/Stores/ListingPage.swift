/// One page of a listing, and how to ask for the next one.
struct ListingPage: Sendable, Equatable {
    var prefixes: [String] = []
    var objects: [ListedObject] = []
    /// nil on the last page.
    var next: String?

    /// More than this is no listing that anybody waits for.
    static let maximumPages = 100_000
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
    func list(_ prefix: String) async throws(StoreError) -> Listing {
        try await list(prefix) { token throws(StoreError) in try await listPage(prefix, after: token) }
    }

    /// Asks for pages until the last one.
    ///
    /// - Throws: ``StoreError/Code/malformedListing`` when the server goes round in circles.
    func list(
        _ prefix: String, page: (String?) async throws(StoreError) -> ListingPage
    ) async throws(StoreError) -> Listing {
        var prefixes: [String] = []
        var objects: [ListedObject] = []
        var seen = Set<String>()
        var token: String?
        repeat {
            let answer = try await page(token)
            prefixes += answer.prefixes
            objects += answer.objects
            token = answer.next
            if let token, !seen.insert(token).inserted || seen.count > ListingPage.maximumPages {
                throw StoreError(
                    .malformedListing, url: url.url(of: prefix),
                    message: "the listing does not end: page \(seen.count + 1) continues with a token seen before")
            }
        } while token != nil
        return Listing(prefixes: prefixes, objects: objects)
    }
}
