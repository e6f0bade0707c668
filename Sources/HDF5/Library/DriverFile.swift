internal import CHDF5
internal import Glibc

/// A file on disk as ``FileDriver`` serves it to the library.
///
/// After a failed write, closing the file may crash libhdf5 (1.10.8). So it never learns of one. The first failure is noted. From then on
/// nothing is written to disk, and what the library writes is kept in memory until the file is closed. The caller of the library checks
/// `failure`.
final class DriverFile {
    private var descriptor: Int32
    private var laidAside: [(address: UInt64, bytes: [UInt8])] = []
    /// Bytes on disk beyond which every write fails with "no space left", as if the disk were that small.
    private let capacity: UInt64
    /// The system's number of the first error while writing.
    private(set) var failure: Int32?
    /// True when the file is given up. Then nothing is written.
    var isAbandoned = false
    /// Whether the library has the file open.
    var isAttached = false
    /// The longest read of elements that the library may do now, in bytes.
    var longestRead = Int.max
    /// The length of the last read of elements, in bytes.
    private(set) var lastRead = 0
    /// Whether reads of a global heap fail, because 1.10.8 parses it without checks.
    var refusesHeaps: Bool
    /// What the library has allocated, in bytes from the beginning.
    var endOfAllocation: UInt64 = 0
    private(set) var endOfFile: UInt64
    /// Bytes written since the last hint to write back.
    private var waiting = 0
    /// After this many bytes the system is told to start writing back, so that the flush at the end need not wait for the whole file.
    private static let writeBehind = 16 << 20

    /// Makes a new file; it must not exist.
    init(creating path: String, capacity: UInt64 = .max, _ call: Call) throws(HDF5Error) {
        descriptor = try Self.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, call)
        endOfFile = 0
        refusesHeaps = false
        self.capacity = capacity
    }

    /// Opens a regular file for reading.
    init(opening path: String, _ call: Call) throws(HDF5Error) {
        let descriptor = try Self.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, call)
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw call.error("this is not a regular file")
        }
        self.descriptor = descriptor
        endOfFile = UInt64(max(status.st_size, 0))
        capacity = 0
        refusesHeaps = true
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    private static func open(_ path: String, _ flags: Int32, _ call: Call) throws(HDF5Error) -> Int32 {
        guard !path.utf8.contains(0) else { throw call.error("the path contains a zero byte") }
        while true {
            let descriptor = Glibc.open(path, flags, 0o666)
            if descriptor >= 0 { return descriptor }
            let number = errno
            if number != EINTR { throw call.error(String(cString: strerror(number)), errno: number) }
        }
    }

    /// Fills `buffer` with elements, or with other data whose length comes from the file.
    func readElements(into buffer: UnsafeMutableRawBufferPointer, at address: UInt64) -> Bool {
        guard buffer.count <= longestRead, read(into: buffer, at: address) else { return false }
        lastRead = buffer.count
        return !(refusesHeaps && buffer.starts(with: "GCOL".utf8))
    }

    /// Fills `buffer` from `address` on; bytes beyond the end read as zero.
    func read(into buffer: UnsafeMutableRawBufferPointer, at address: UInt64) -> Bool {
        var done = 0
        while done < buffer.count, let offset = off_t(exactly: address + UInt64(done)) {
            let count = pread(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, offset)
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                return false
            }
            done += count
        }
        if done < buffer.count {
            UnsafeMutableRawBufferPointer(rebasing: buffer[done...]).initializeMemory(as: UInt8.self, repeating: 0)
        }
        for part in laidAside {
            let start = max(address, part.address)
            let end = min(address + UInt64(buffer.count), part.address + UInt64(part.bytes.count))
            guard start < end else { continue }
            let source = part.bytes[Int(start - part.address)..<Int(end - part.address)]
            UnsafeMutableRawBufferPointer(rebasing: buffer[Int(start - address)...]).copyBytes(from: source)
        }
        return true
    }

    /// Writes `buffer` at `address`, or keeps it in memory after a failure.
    func write(_ buffer: UnsafeRawBufferPointer, at address: UInt64) {
        endOfFile = max(endOfFile, address + UInt64(buffer.count))
        if failure == nil, !isAbandoned { failure = writeToDisk(buffer, at: address) }
        if failure != nil || isAbandoned { laidAside.append((address, Array(buffer))) }
    }

    private func writeToDisk(_ buffer: UnsafeRawBufferPointer, at address: UInt64) -> Int32? {
        guard address + UInt64(buffer.count) <= capacity else { return ENOSPC }
        var done = 0
        while done < buffer.count {
            guard let offset = off_t(exactly: address + UInt64(done)) else { return EFBIG }
            let count = pwrite(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, offset)
            if count < 0 {
                if errno == EINTR { continue }
                return errno
            }
            if count == 0 { return EIO }
            done += count
        }
        waiting += buffer.count
        if waiting >= Self.writeBehind { startWriting() }
        return nil
    }

    /// Tells the system to start writing back. This is only a hint; the flush at the end reports errors.
    private func startWriting() {
        waiting = 0
        cristae_start_writing(descriptor)
    }

    /// Gives the file on disk the length that the library has allocated.
    func truncate() {
        guard failure == nil, !isAbandoned, endOfFile != endOfAllocation else { return }
        guard endOfAllocation <= capacity else {
            failure = ENOSPC
            return
        }
        guard ftruncate(descriptor, off_t(clamping: endOfAllocation)) == 0 else {
            failure = errno
            return
        }
        endOfFile = endOfAllocation
    }

    /// Closes the descriptor. Network file systems may report failed writes only now.
    func closeDescriptor() {
        guard descriptor >= 0 else { return }
        if close(descriptor) != 0, errno != EINTR, failure == nil, !isAbandoned { failure = errno }
        descriptor = -1
        laidAside = []
    }

    /// Throws if a write has failed.
    func check(_ call: Call) throws(HDF5Error) {
        if let failure { throw call.error(String(cString: strerror(failure)), errno: failure) }
    }
}
