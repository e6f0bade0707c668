import Foundation

/// All files below a folder with their bytes, to be compared with another run's. What says whose folder it is differs from job to job.
struct FileTree {
    /// Contents by path relative to the folder; a symbolic link's are its destination.
    let files: [String: Data]

    init(of folder: URL) throws {
        var files: [String: Data] = [:]
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        for name in names where name != ".work/job.json" {
            let path = folder.path + "/" + name
            let kind = try FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
            switch kind {
            case .typeDirectory: continue
            case .typeSymbolicLink:
                files[name] = Data(try FileManager.default.destinationOfSymbolicLink(atPath: path).utf8)
            default: files[name] = try Data(contentsOf: URL(filePath: path))
            }
        }
        self.files = files
    }

    /// What differs from `other`, one line a file; empty where both are the same.
    func differences(from other: FileTree) -> [String] {
        Set(files.keys).union(other.files.keys).sorted().compactMap { name in
            switch (files[name], other.files[name]) {
            case (let mine?, let theirs?):
                guard mine != theirs else { return nil }
                let first = zip(mine, theirs).enumerated().first { $0.element.0 != $0.element.1 }?.offset
                return "\(name): \(mine.count) and \(theirs.count) bytes, first difference at \(first ?? -1)"
            case (nil, _): return "\(name) is missing"
            default: return "\(name) is too much"
            }
        }
    }
}
