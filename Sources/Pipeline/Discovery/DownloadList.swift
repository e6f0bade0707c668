internal import Foundation
internal import Stores

/// The file `txt/<dataset>_to_download`: a line for each array or metadata file that is needed, `source<TAB>local path`. The
/// local path is the key below the store, which is also its name in the pack.
struct DownloadList {
    /// Keys below the store, sorted, each once.
    let keys: [String]

    init(plan: DatasetPlan) {
        var keys: Set<String> = []
        for item in plan.items {
            keys.formUnion(item.arrays.map(\.key))
            keys.formUnion(item.metadata.map(\.key))
        }
        self.keys = keys.sorted()
    }

    /// Reads a list from an earlier run. Lines may also hold the source alone.
    ///
    /// - Throws: ``JobError/badManifest`` with the number of a line that belongs to another store or is no safe path.
    init(parsing text: String, path: String, store: StoreURL) throws {
        var keys: Set<String> = []
        let root = store.url(of: "")
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.hasSuffix("\r") ? line.dropLast() : line
            if line.isEmpty || line.hasPrefix("#") { continue }
            let columns = line.split(separator: "\t", omittingEmptySubsequences: false)
            var key = String(columns.count > 1 ? columns[1] : columns[0])
            if columns.count == 1, key.hasPrefix(root) { key.removeFirst(root.count) }
            while key.hasPrefix("/") && columns.count == 1 { key.removeFirst() }
            let parts = key.split(separator: "/", omittingEmptySubsequences: false)
            guard columns.count <= 2,
                !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." || $0.contains(":") })
            else {
                throw JobError.badManifest(
                    "\(path): line \(number + 1) is no \"source<TAB>local path\" of \(store.description)")
            }
            keys.insert(key)
        }
        self.keys = keys.sorted()
    }

    func text(store: StoreURL) -> String {
        keys.map { "\(store.url(of: $0))\t\($0)\n" }.joined()
    }
}
