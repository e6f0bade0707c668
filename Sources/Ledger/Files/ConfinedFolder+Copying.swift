public import Elements

extension ConfinedFolder {
    private static let copiedBytes = 1 << 20

    /// Writes `head` and then `count` bytes from `content`, atomically and durably like ``write(_:to:)``.
    ///
    /// - Parameter content: returns a number of bytes at an offset.
    public func write(
        _ head: [UInt8], followedBy count: Int, to relative: String,
        _ content: (_ count: Int, _ offset: Int) throws(LedgerError) -> ByteBuffer
    ) throws(LedgerError) {
        let file = try TemporaryFile(for: relative, in: self, creating: true)
        do throws(LedgerError) {
            try file.write(ByteBuffer(head))
            var done = 0
            while done < count {
                let part = try content(min(Self.copiedBytes, count - done), done)
                guard part.count > 0 else {
                    throw LedgerError(.corrupt, path: relative, "\(done) bytes where \(count) were written")
                }
                try file.write(part, at: head.count + done)
                done += part.count
            }
            try file.publish()
        } catch {
            file.discard()
            throw error
        }
    }
}
