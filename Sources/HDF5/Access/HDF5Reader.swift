internal import CHDF5
public import Elements

/// Reads any HDF5 file. It does not follow links to other files, nor data in them.
public actor HDF5Reader {
    /// All files of the process share the one HDF5 thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { HDF5Library.thread.asUnownedSerialExecutor() }

    /// The path of the file.
    public nonisolated let path: String
    private var file: OpenFile?
    private var known: [String: DatasetInfo] = [:]

    /// Opens the file; throws if it is no HDF5 file or has been cut short.
    public init(opening path: String) async throws(HDF5Error) {
        self.path = path
        try await open()
    }

    private func open() async throws(HDF5Error) {
        file = try OpenFile.open(path)
    }

    deinit {
        if let file { FileCloser.abandonLater(file) }
    }

    /// The groups and datasets in the group at `path`, sorted by name.
    public func children(of path: String) throws(HDF5Error) -> [Child] {
        let call = Call("list a group", path: self.path, object: path)
        return try openFile(call).children(of: path, call)
    }

    /// What the file says about the dataset at `path`; nil if there is none.
    public func dataset(_ path: String) throws(HDF5Error) -> DatasetInfo? {
        let call = Call("open a dataset", path: self.path, object: path)
        let file = try openFile(call)
        if let info = known[path] { return info }
        guard try file.kind(of: path, call) == .dataset else { return nil }
        let info = try file.openDataset(path, call)
        known[path] = info
        return info
    }

    /// A number that identifies the group or dataset at `path` within the file, whatever its names; nil if nothing is there.
    public func identity(of path: String) throws(HDF5Error) -> UInt64? {
        let call = Call("look for an object", path: self.path, object: path)
        let file = try openFile(call)
        guard try file.kind(of: path, call) != nil else { return nil }
        return UInt64(try file.address(of: path, in: file.id, call))
    }

    /// The stored bytes of the chunk that begins at `offset` (elements); nil where none is stored, so that its elements
    /// are the fill value.
    public func readChunk(_ dataset: DatasetHandle, offset: [Int]) throws(HDF5Error) -> StoredChunk? {
        var call = Call("read a chunk", path: path)
        let file = try openFile(call)
        let source = try file.dataset(dataset, call)
        call.object = "\(source.path) at \(offset)"
        return try file.readChunk(source, at: offset, call)
    }

    /// The elements of a box in the machine's byte order, last axis fastest, through libhdf5's own filters.
    ///
    /// Datasets that were encoded with zstd (32015) or Blosc (32001) are read by chunks (``readChunk(_:offset:)``) only.
    public func read(_ dataset: DatasetHandle, start: [Int], count: [Int]) throws(HDF5Error) -> ByteBuffer {
        var call = Call("read elements", path: path)
        let file = try openFile(call)
        let source = try file.dataset(dataset, call)
        call.object = "\(source.path) from \(start), \(count) elements"
        return try file.read(source, start: start, count: count, call)
    }

    /// The attributes of the file ("/"), a group or a dataset: integers, floats, texts and their one-dimensional arrays;
    /// booleans as 0 and 1. Others are left out.
    public func attributes(of path: String) throws(HDF5Error) -> [String: AttributeValue] {
        let call = Call("read attributes", path: self.path, object: path)
        return try openFile(call).attributes(of: path, call)
    }

    /// Closes the file. Handles of its datasets become invalid.
    public func close() {
        file?.abandon()
        file = nil
        known = [:]
    }

    private func openFile(_ call: Call) throws(HDF5Error) -> OpenFile {
        guard let file else { throw call.error("the file is closed") }
        return file
    }
}
