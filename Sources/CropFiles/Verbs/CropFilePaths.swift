internal import Foundation

/// The crop files that a path on the command line stands for.
enum CropFilePaths {
    private static let extensions: Set<String> = ["h5", "hdf5", "hdf"]

    /// The file that a path leads to, with links followed.
    struct Identity: Hashable {
        let device: UInt64
        let number: UInt64

        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            device = UInt64(status.st_dev)
            number = UInt64(status.st_ino)
        }
    }

    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The path itself. For a folder: all HDF5 files in it, sorted by name, without those in its own folders.
    ///
    /// - Throws: ``CropFileError`` for a folder that cannot be read, or holds none.
    static func files(at path: String) throws(CropFileError) -> [String] {
        guard isFolder(path) else { return [path] }
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path)
        } catch {
            throw CropFileError("\(path): the folder cannot be read")
        }
        let files = names.filter { name in
            guard !name.hasPrefix("."), let dot = name.lastIndex(of: ".") else { return false }
            return extensions.contains(name[name.index(after: dot)...].lowercased())
        }
        .sorted().map { path.hasSuffix("/") ? path + $0 : "\(path)/\($0)" }.filter { !isFolder($0) }
        guard !files.isEmpty else { throw CropFileError("\(path): there is no .h5, .hdf5 or .hdf file in this folder") }
        return files
    }

    static func name(of path: String) -> String { String(path.split(separator: "/").last ?? "") }
}
