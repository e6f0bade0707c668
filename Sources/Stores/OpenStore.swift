/// Opens an S3, HTTP or file store with its connections, limits and retries.
///
/// A `file:` URL may also name a ZIP file, or a folder in one.
///
/// - Throws: ``StoreError/Code/badURL`` for a bad endpoint, ``StoreError/Code/noCredentials``. Nothing is sent yet. `sample:` is not outside:
///   ``StoreError/Code/badURL``.
package func openOutsideStore(
    _ url: StoreURL, options: StoreOptions, counter: TransferCounter
) throws(StoreError) -> any ObjectStore {
    let policy = RetryPolicy(maxAttempts: options.maxAttempts, outageSeconds: options.outageSeconds)
    func retrying<Base: PagedStore>(_ base: Base) -> any ObjectStore {
        var store = RetryingStore(
            base: base, policy: policy, counter: counter, hasAnswered: options.hasAnswered, tell: options.tell)
        store.listingBytes = options.listingBytes
        return store
    }
    switch url.scheme {
    case .s3:
        let loop = try TransferLoop(settings: TransferLoop.Settings(options), counter: counter)
        return retrying(try S3Store(url: url, options: options, loop: loop))
    case .http, .https:
        let loop = try TransferLoop(settings: TransferLoop.Settings(options), counter: counter)
        return retrying(HTTPStore(url: url, loop: loop))
    case .file:
        if let store = try ZipStore(url: url, counter: counter) { return store }
        return retrying(FileStore(url: url, counter: counter))
    case .sample:
        throw StoreError(.badURL, url: url.description, message: "the program makes the sample itself")
    }
}
