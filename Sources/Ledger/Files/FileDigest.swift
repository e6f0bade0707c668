internal import Crypto
internal import Elements
internal import Foundation

/// The size of a file in bytes and its SHA-256 in hexadecimal digits, as records hold them.
public struct FileDigest: Sendable, Hashable, Codable {
    public let size: Int
    public let sha256: String

    public init(size: Int, sha256: String) {
        self.size = size
        self.sha256 = sha256
    }

    /// The digest of a file's content.
    public init(of bytes: [UInt8]) {
        self.init(size: bytes.count, sha256: SHA256.hash(data: bytes).hexadecimal)
    }

    /// Reads the whole file.
    init(of file: borrowing FileHandle, path: String) throws(LedgerError) {
        let block = ByteBuffer(count: 1 << 20)
        var hash = SHA256()
        var offset = 0
        while true {
            let count = try block.withUnsafeMutableBytes { bytes throws(LedgerError) in
                try file.read(into: bytes, at: offset, path: path)
            }
            if count == 0 { break }
            block.withUnsafeBytes { hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            offset += count
        }
        self.init(size: offset, sha256: hash.finalize().hexadecimal)
    }
}

extension ConfinedFolder {
    /// Size and SHA-256 of a file, read to its end; nil where there is none.
    public func digest(_ relative: String) throws(LedgerError) -> FileDigest? {
        guard let file = try open(relative, flags: 0) else { return nil }
        return try FileDigest(of: file, path: "\(path)/\(relative)")
    }
}
