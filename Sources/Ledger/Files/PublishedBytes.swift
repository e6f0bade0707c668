internal import Elements
internal import Glibc

/// A published file, to be read in parts. All functions block.
public final class PublishedBytes: Sendable {
    private let file: FileHandle
    private let path: String

    /// Opens a file; nil where there is none.
    public init?(opening relative: String, in folder: ConfinedFolder) throws(LedgerError) {
        guard let opened = try folder.open(relative, flags: O_RDONLY) else { return nil }
        file = opened
        path = "\(folder.path)/\(relative)"
    }

    public func size() throws(LedgerError) -> Int { try file.size(path: path) }

    /// Bytes from `offset` on; fewer than `count` only where the file ends before.
    public func read(count: Int, at offset: Int) throws(LedgerError) -> [UInt8] {
        let size = try file.size(path: path)
        let bytes = ByteBuffer(count: max(0, min(count, size - offset)))
        let found = try bytes.withUnsafeMutableBytes { content throws(LedgerError) in
            try file.read(into: content, at: offset, path: path)
        }
        bytes.resize(to: found)
        return bytes.array
    }
}
