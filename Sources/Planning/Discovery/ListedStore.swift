internal import Elements
public import Stores

/// A store of which only the keys of a to-download list are known: folders come from the list, objects from the store.
public struct ListedStore: ObjectStore {
    public let url: StoreURL
    private let store: any ObjectStore
    /// Names of the children of each folder.
    private let folders: [ByteName: Set<ByteName>]

    /// - Parameter keys: arrays and metadata files, below the store.
    public init(_ store: any ObjectStore, keys: [String]) {
        self.store = store
        url = store.url
        var folders: [ByteName: Set<ByteName>] = [:]
        for key in keys {
            var parent = ""
            var parts = key.pathComponents()
            // Metadata files are objects, everything else is a folder.
            if let last = parts.last, last.hasBytePrefix(".") || last.hasByteSuffix(".json") { parts.removeLast() }
            for part in parts {
                folders[ByteName(parent), default: []].insert(ByteName(part))
                parent = parent.isEmpty ? part : "\(parent)/\(part)"
            }
        }
        self.folders = folders
    }

    public func get(_ key: String, part: ObjectPart, maximumBytes: Int) async throws(StoreError) -> StoredObject? {
        try await store.get(key, part: part, maximumBytes: maximumBytes)
    }

    public func list(_ prefix: String) async throws(StoreError) -> Listing {
        Listing(prefixes: (folders[ByteName(prefix)] ?? []).sorted().map(\.text))
    }

    public func head(_ key: String) async throws(StoreError) -> HeadAnswer { try await store.head(key) }
}
