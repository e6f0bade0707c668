internal import Elements
internal import Glibc

extension ConfinedFolder {
    private static let copiedBytes = 1 << 20

    /// Writes `head`, and after it the first `count` bytes of a file in another folder, with the same promises as ``write(_:to:)``.
    ///
    /// - Throws: ``LedgerError`` `.corrupt` where that file has fewer bytes.
    public func write(
        _ head: [UInt8], followedBy source: String, in folder: ConfinedFolder, count: Int, to relative: String
    ) throws(LedgerError) {
        let file = try TemporaryFile(for: relative, in: self, creating: true)
        do throws(LedgerError) {
            try file.write(ByteBuffer(head))
            let content = count > 0 ? try PublishedBytes(opening: source, in: folder) : nil
            var done = 0
            while done < count {
                let part = try content?.read(count: min(Self.copiedBytes, count - done), at: done) ?? []
                guard !part.isEmpty else {
                    throw LedgerError(
                        .corrupt, path: "\(folder.path)/\(source)", "\(done) bytes where \(count) were written")
                }
                try file.write(ByteBuffer(part), at: head.count + done)
                done += part.count
            }
            try file.publish()
        } catch {
            file.discard()
            throw error
        }
    }
}
