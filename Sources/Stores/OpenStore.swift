/// Opens a store with everything around it: connections, limits, retries.
///
/// A `file:` URL may also name a ZIP file, or a folder in one.
///
/// - Throws: ``StoreError/Code/badURL`` for a bad endpoint, ``StoreError/Code/noCredentials``. Nothing is sent yet.
public func openStore(
    _ url: StoreURL, options: StoreOptions, counter: TransferCounter
) throws(StoreError) -> any ObjectStore {
    switch url.scheme {
    case .s3:
        let loop = try TransferLoop(settings: TransferLoop.Settings(options), counter: counter)
        let store = try S3Store(url: url, options: options, loop: loop)
        return RetryingStore(base: store, policy: RetryPolicy(maxAttempts: options.maxAttempts), counter: counter)
    case .http, .https:
        let loop = try TransferLoop(settings: TransferLoop.Settings(options), counter: counter)
        let store = HTTPStore(url: url, loop: loop)
        return RetryingStore(base: store, policy: RetryPolicy(maxAttempts: options.maxAttempts), counter: counter)
    case .file:
        if let store = try ZipStore(url: url, counter: counter) { return store }
        return FileStore(url: url, counter: counter)
    case .sample:
        return SampleStore()
    }
}
