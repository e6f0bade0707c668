import Foundation

/// A copy of a bucket that a test may change.
final class Bucket {
    let folder: URL

    /// Copies the buckets below `source`. Their objects were changed last an hour ago.
    init(copying source: URL) throws {
        folder = try Harness.newFolder("bucket").appending(path: "copy")
        try FileManager.default.copyItem(at: source, to: folder)
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
            let old: [FileAttributeKey: Any] = [.modificationDate: Date(timeIntervalSinceNow: -3600)]
            try FileManager.default.setAttributes(old, ofItemAtPath: "\(folder.path)/\(name)")
        }
    }

    func url(_ key: String) -> URL { folder.appending(path: key) }

    func bytes(_ key: String) throws -> Data { try Data(contentsOf: url(key)) }

    /// Replaces an object as a whole.
    func write(_ bytes: Data, _ key: String) throws {
        try FileManager.default.createDirectory(
            at: url(key).deletingLastPathComponent(), withIntermediateDirectories: true)
        try bytes.write(to: url(key), options: .atomic)
    }

    func remove(_ key: String) throws { try FileManager.default.removeItem(at: url(key)) }

    func copy(_ key: String, to other: String) throws {
        try FileManager.default.createDirectory(
            at: url(other).deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.copyItem(at: url(key), to: url(other))
    }

    /// The keys of all chunks below a key, sorted, by array.
    func chunks(below key: String) throws -> [String: [String]] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: url(key).path).map { "\(key)/\($0)" }
        let arrays = names.filter { $0.hasSuffix("/.zarray") }.map { String($0.dropLast(8)) }
        var chunks: [String: [String]] = [:]
        for array in arrays {
            chunks[array] = names.filter { name in
                var isFolder: ObjCBool = false
                return name.hasPrefix(array + "/") && !name.hasSuffix("/.zarray") && !name.hasSuffix("/.zattrs")
                    && FileManager.default.fileExists(atPath: url(name).path, isDirectory: &isFolder)
                    && !isFolder.boolValue
            }.sorted()
        }
        return chunks
    }

    /// What every chunk would be if each array's chunks moved on by one place.
    func rotated(below key: String) throws -> [(key: String, bytes: Data)] {
        try chunks(below: key).sorted { $0.key < $1.key }.flatMap { _, keys in
            try zip(keys, keys.dropFirst() + keys.prefix(1)).map { (key: $0, bytes: try bytes($1)) }
        }
    }
}
