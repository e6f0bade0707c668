import Foundation

/// The files of other implementations that the unit tests read: what corpora begin with.
struct Fixtures {
    struct File {
        /// Relative to the folder.
        let path: String
        let bytes: [UInt8]

        var name: Substring { path.split(separator: "/").last ?? "" }
        /// The path without the name.
        var folder: String { String(path.dropLast(name.count + 1)) }
    }

    /// Larger files are of no use: libFuzzer changes a few bytes at a time.
    static let maximumByteCount = 4096

    /// All small files.
    let files: [File]

    init(folder: String) {
        let root = URL(fileURLWithPath: folder, isDirectory: true)
        let paths = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        files = paths.sorted().compactMap { path in
            guard let data = try? Data(contentsOf: root.appending(path: path)), data.count <= Self.maximumByteCount
            else { return nil }
            return File(path: path, bytes: [UInt8](data))
        }
    }

    func files(named name: String) -> [File] { files.filter { $0.name == name } }

    /// The first `limit` chunks below the folder of an array's metadata.
    func chunks(of metadata: File, limit: Int) -> [File] {
        let prefix = metadata.folder + "/"
        let isChunk = { (file: File) in
            file.path.hasPrefix(prefix) && !file.bytes.isEmpty
                && file.path.dropFirst(prefix.count).allSatisfy { $0.isNumber || $0 == "." || $0 == "/" || $0 == "c" }
        }
        return Array(files.lazy.filter(isChunk).prefix(limit))
    }

    /// Metadata alone, and with a zero byte and a chunk behind them.
    func withChunks(_ metadata: File, limit: Int) -> [[UInt8]] {
        var seeds = [metadata.bytes]
        for chunk in chunks(of: metadata, limit: limit) { seeds.append(metadata.bytes + [0] + chunk.bytes) }
        return seeds
    }
}
