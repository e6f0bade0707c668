import Foundation
import Glibc

/// What the file system says of all files below some folders: which file, how long, changed when. Where it stays the same, nothing was written.
struct FileTimes: Equatable {
    struct Entry: Equatable {
        let inode: UInt64
        let bytes: Int
        let seconds: Int
        let nanoseconds: Int
    }

    let entries: [String: Entry]

    init(of folders: [URL]) throws {
        var entries: [String: Entry] = [:]
        for folder in folders {
            for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
                var status = stat()
                guard lstat("\(folder.path)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                    continue
                }
                entries["\(folder.lastPathComponent)/\(name)"] = Entry(
                    inode: UInt64(status.st_ino), bytes: Int(status.st_size), seconds: Int(status.st_mtim.tv_sec),
                    nanoseconds: Int(status.st_mtim.tv_nsec))
            }
        }
        self.entries = entries
    }

    /// Files that are not what they were, sorted.
    func differences(from other: FileTimes) -> [String] {
        Set(entries.keys).union(other.entries.keys).filter { entries[$0] != other.entries[$0] }.sorted()
    }
}
