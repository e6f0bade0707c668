public import Stores

/// Opens a store of any kind: the built-in sample, or what ``openOutsideStore(_:options:counter:)`` opens.
///
/// - Throws: ``StoreError/Code/badURL`` for a bad endpoint, ``StoreError/Code/noCredentials``. Nothing is sent yet.
public func openStore(
    _ url: StoreURL, options: StoreOptions, counter: TransferCounter
) throws(StoreError) -> any ObjectStore {
    url.scheme == .sample ? SampleStore() : try openOutsideStore(url, options: options, counter: counter)
}
