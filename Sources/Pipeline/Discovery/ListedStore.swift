internal import Stores

/// A store of which only the keys of a to-download list are known: folders come from the list, objects from the store.
struct ListedStore: ObjectStore {
    let url: StoreURL
    private let store: any ObjectStore
    /// Names of the children of each folder.
    private let folders: [String: Set<String>]

    /// - Parameter keys: arrays and metadata files, below the store.
    init(_ store: any ObjectStore, keys: [String]) {
        self.store = store
        url = store.url
        var folders: [String: Set<String>] = [:]
        for key in keys {
            var parent = ""
            var parts = key.split(separator: "/").map(String.init)
            // Metadata files are objects, everything else is a folder.
            if let last = parts.last, last.hasPrefix(".") || last.hasSuffix(".json") { parts.removeLast() }
            for part in parts {
                folders[parent, default: []].insert(part)
                parent = parent.isEmpty ? part : "\(parent)/\(part)"
            }
        }
        self.folders = folders
    }

    func get(_ key: String, part: ObjectPart, maximumBytes: Int) async throws(StoreError) -> StoredObject? {
        try await store.get(key, part: part, maximumBytes: maximumBytes)
    }

    func list(_ prefix: String) async throws(StoreError) -> Listing {
        Listing(prefixes: Array(folders[prefix] ?? []))
    }

    func mark(of key: String) async throws(StoreError) -> MarkAnswer { try await store.mark(of: key) }
}
