internal import CHDF5
public import Elements

/// Writes one new HDF5 file. The caller encodes the chunks; libhdf5 only places them.
///
/// The same calls in the same order give the same bytes: the file holds no times and no uninitialised memory. After a failed write every
/// call but ``abandon()`` throws, and the file must be discarded.
public actor HDF5Writer {
    /// All files of the process share the one HDF5 thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { HDF5Library.thread.asUnownedSerialExecutor() }

    private enum State {
        case open(OpenFile)
        case failed(HDF5Error)
        case closed
    }

    /// The path the file was made under.
    public nonisolated let path: String
    private var state = State.closed

    /// Makes the file; fails if there is already something at `path` (which may go through /proc/self/fd).
    public init(creating path: String) async throws(HDF5Error) {
        self.path = path
        try await create(capacity: .max)
    }

    /// As ``init(creating:)`` on a disk that holds no more than `capacity` bytes of the file.
    init(creating path: String, capacity: UInt64) async throws(HDF5Error) {
        self.path = path
        try await create(capacity: capacity)
    }

    private func create(capacity: UInt64) async throws(HDF5Error) {
        state = .open(try OpenFile.create(path, capacity: capacity))
    }

    deinit {
        if case .open(let file) = state { FileCloser.abandonLater(file) }
    }

    /// Makes an empty chunked dataset, and the groups on the way to it.
    public func createDataset(_ layout: DatasetLayout) throws(HDF5Error) -> DatasetHandle {
        let call = Call("create a dataset", path: path, object: layout.path)
        return try perform(call) { file throws(HDF5Error) in
            try file.makeParents(of: layout.path, call)
            return file.add(try file.makeDataset(layout, call))
        }
    }

    /// Makes a dataset without axes that holds one value, and the groups on the way to it.
    ///
    /// - Parameter value: the bytes of one element in the machine's byte order.
    public func writeScalar(_ value: [UInt8], _ elementType: ElementType, to path: String) throws(HDF5Error) {
        let call = Call("write a single value", path: self.path, object: path)
        try perform(call) { file throws(HDF5Error) in
            try file.makeParents(of: path, call)
            try file.writeScalar(value, elementType, to: path, call)
        }
    }

    /// Places one whole encoded chunk. `offset` is its first element (z, y, x), a multiple of the chunk shape inside the
    /// dataset. Chunks at the upper edge are whole too.
    public func writeChunk(_ bytes: ByteBuffer, to dataset: DatasetHandle, offset: [Int]) throws(HDF5Error) {
        var call = Call("write a chunk", path: path)
        try perform(call) { file throws(HDF5Error) in
            let target = try file.dataset(dataset, call)
            call.object = "\(target.path) at \(offset)"
            let position = try target.chunkOffset(offset, call)
            guard 1...Int(UInt32.max) ~= bytes.count else { throw call.error("a chunk of \(bytes.count) bytes") }
            guard target.isFiltered || bytes.count == target.chunkByteCount else {
                throw call.error("expected \(target.chunkByteCount) bytes, found \(bytes.count)")
            }
            let status = bytes.withUnsafeBytes {
                H5Dwrite_chunk(target.id, hid_t(H5P_DEFAULT), 0, position, $0.count, $0.baseAddress)
            }
            try file.disk.check(call)
            try call.check(status)
        }
    }

    /// Makes `path` another name (a hard link) of the object at `target`, and the groups on the way to it.
    ///
    /// - Returns: false where `path` exists already; then nothing changes.
    @discardableResult
    public func link(_ path: String, to target: String) throws(HDF5Error) -> Bool {
        let call = Call("link to \(target)", path: self.path, object: path)
        return try perform(call) { file throws(HDF5Error) in
            guard try file.isFree(path, call) else { return false }
            try file.makeParents(of: path, call)
            try file.makeLink(path, to: target, call)
            return true
        }
    }

    /// Sets an attribute of the file ("/"), a group or a dataset; it replaces one of that name.
    public func setAttribute(_ name: String, _ value: AttributeValue, on path: String) throws(HDF5Error) {
        let call = Call("set attribute \"\(name)\"", path: self.path, object: path)
        try perform(call) { file throws(HDF5Error) in try file.setAttribute(name, value, on: path, call) }
    }

    /// Flushes and closes the file. It is complete then, but not yet synced to the disk. Closing a closed file does nothing.
    public func close() throws(HDF5Error) {
        let call = Call("close", path: path)
        switch state {
        case .closed: return
        case .failed(let error): throw error
        case .open(let file):
            do throws(HDF5Error) {
                try file.close(call)
                state = .closed
            } catch {
                file.abandon()
                state = .failed(error)
                throw error
            }
        }
    }

    /// Closes the file as it is, on error paths. The file is unusable then. Never fails.
    public func abandon() {
        guard case .open(let file) = state else { return }
        file.abandon()
        state = .failed(Call("use", path: path).error("the file was abandoned"))
    }

    /// Runs `body` on the open file. After a failed write the file stays closed.
    private func perform<R>(_ call: Call, _ body: (OpenFile) throws(HDF5Error) -> R) throws(HDF5Error) -> R {
        switch state {
        case .closed: throw call.error("the file is closed")
        case .failed(let error): throw error
        case .open(let file):
            let result: Result<R, HDF5Error>
            do throws(HDF5Error) {
                result = .success(try body(file))
            } catch {
                result = .failure(error)
            }
            do throws(HDF5Error) {
                try file.disk.check(call)
            } catch {
                file.abandon()
                state = .failed(error)
                throw error
            }
            return try result.get()
        }
    }
}
