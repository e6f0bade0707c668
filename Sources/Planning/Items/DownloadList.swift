internal import Arrays
internal import Elements
internal import Foundation
public import Stores

/// The file `txt/<dataset>_to_download`: a line for each array or metadata file that is needed, `source<TAB>local path`. The
/// local path is the key below the store, which is also its name in the pack.
public struct DownloadList {
    /// Keys below the store, sorted, each once.
    public let keys: [String]

    public init(plan: DatasetPlan) {
        keys = plan.items.flatMap { $0.arrays.map(\.key) + $0.metadata.map(\.key) }.distinctNames()
    }

    /// Reads a list from an earlier run. Lines may also hold the source alone.
    ///
    /// - Throws: ``JobError/badManifest`` with the number of a line that belongs to another store or is no safe path.
    public init(parsing text: String, path: String, store: StoreURL) throws {
        var keys: [String] = []
        let root = store.url(of: "")
        for (number, line) in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .enumerated()
        {
            let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
            let columns = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
            var key = String(decoding: columns.count > 1 ? columns[1] : columns[0], as: UTF8.self)
            if columns.count == 1, key.hasBytePrefix(root) { key = key.droppingBytes(root.utf8.count) }
            while key.hasBytePrefix("/") && columns.count == 1 { key = key.droppingBytes(1) }
            let parts = key.pathComponents(keepingEmpty: true)
            guard columns.count <= 2,
                !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." || $0.hasByte(":") })
            else {
                throw JobError.badManifest(
                    "\(path): line \(number + 1) is no \"source<TAB>local path\" of \(store.description)")
            }
            keys.append(key)
        }
        self.keys = keys.distinctNames()
    }

    public func text(store: StoreURL) -> String {
        keys.map { "\(store.url(of: $0))\t\($0)\n" }.joined()
    }
}
