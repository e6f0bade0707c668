internal import Elements
internal import Glibc

/// An open file or directory, closed when this value is destroyed.
struct FileHandle: ~Copyable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { close(number) }

    /// Writes all of `bytes` at `offset`.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int, path: String) throws(LedgerError) {
        var done = 0
        while done < bytes.count {
            guard let base = bytes.baseAddress else { return }
            let written = pwrite(number, base + done, bytes.count - done, off_t(offset + done))
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else {
                throw LedgerError.system(.cannotWrite, path: path, "writing \(bytes.count) bytes at \(offset)")
            }
            done += written
        }
    }

    /// Writes `head` and then `bytes`, at `offset`, in one go where the system takes it whole.
    func write(_ head: [UInt8], _ bytes: UnsafeRawBufferPointer, at offset: Int, path: String) throws(LedgerError) {
        let written = head.withUnsafeBytes { head in
            // `pwritev` only reads from the buffers.
            let parts = [head, bytes].map { part in
                iovec(iov_base: UnsafeMutableRawPointer(mutating: part.baseAddress), iov_len: part.count)
            }
            return pwritev(number, parts, 2, off_t(offset))
        }
        guard written < head.count + bytes.count else { return }
        // Writes the rest, or throws the reason.
        let done = max(0, written)
        if done < head.count {
            let rest = ByteBuffer(head[done...])
            try rest.withUnsafeBytes { rest throws(LedgerError) in
                try write(rest, at: offset + done, path: path)
            }
        }
        let start = max(0, done - head.count)
        try write(UnsafeRawBufferPointer(rebasing: bytes[start...]), at: offset + head.count + start, path: path)
    }

    /// Reads up to `bytes.count` bytes at `offset`; fewer only at the end of the file.
    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int, path: String) throws(LedgerError) -> Int {
        var done = 0
        while done < bytes.count {
            guard let base = bytes.baseAddress else { return 0 }
            let count = pread(number, base + done, bytes.count - done, off_t(offset + done))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw LedgerError.system(.cannotRead, path: path, "reading \(bytes.count) bytes at \(offset)")
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Bytes in the file.
    func size(path: String) throws(LedgerError) -> Int {
        var status = stat()
        guard fstat(number, &status) == 0 else { throw LedgerError.system(.cannotRead, path: path, "stat") }
        return Int(status.st_size)
    }

    func sync(path: String) throws(LedgerError) {
        // Some network file systems do not know fsync on directories and say EINVAL.
        guard fsync(number) == 0 || errno == EINVAL else {
            throw LedgerError.system(.cannotWrite, path: path, "fsync")
        }
    }

    func truncate(to size: Int, path: String) throws(LedgerError) {
        guard ftruncate(number, off_t(size)) == 0 else {
            throw LedgerError.system(.cannotWrite, path: path, "cutting to \(size) bytes")
        }
    }
}
