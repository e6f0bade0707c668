import Crypto
import Elements
import Foundation
import Glibc

/// All objects below a folder that holds `<bucket>/<key>` files, as they were when the server started.
struct ObjectIndex: Sendable {
    struct Object: Sendable {
        /// `<bucket>/<key>`.
        let path: String
        let byteCount: Int
        /// MD5 in hexadecimal digits, as S3 gives for what came in one part.
        let etag: String
    }

    let folder: String
    /// Sorted by the bytes of their paths.
    let objects: [Object]
    private let places: [String: Int]

    init(folder: URL) throws {
        self.folder = folder.path
        var objects: [Object] = []
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
            var status = stat()
            guard stat("\(folder.path)/\(path)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            let bytes = try Data(contentsOf: folder.appending(path: path), options: .alwaysMapped)
            let etag = Insecure.MD5.hash(data: bytes).hexadecimal
            objects.append(Object(path: path, byteCount: Int(status.st_size), etag: etag))
        }
        objects.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        self.objects = objects
        places = Dictionary(uniqueKeysWithValues: objects.indices.map { (objects[$0].path, $0) })
    }

    func object(_ path: String) -> Object? { places[path].map { objects[$0] } }

    /// The first place whose path is not before `path`.
    func place(of path: String) -> Int {
        var (low, high) = (0, objects.count)
        while low < high {
            let middle = (low + high) / 2
            if objects[middle].path.utf8.lexicographicallyPrecedes(path.utf8) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}
