internal import CHDF5

/// The operation, file and object, so that each error can name them.
struct Call {
    let operation: String
    let path: String
    var object: String?

    init(_ operation: String, path: String, object: String? = nil) {
        self.operation = operation
        self.path = path
        self.object = object
    }

    func error(_ message: String, errno: Int32? = nil) -> HDF5Error {
        HDF5Error(operation: operation, path: path, object: object, message: message, errno: errno)
    }

    /// The error that the library's stack describes.
    func failure() -> HDF5Error { error(ErrorStack().summary) }

    /// Returns a status or count, or throws where it is negative.
    @discardableResult
    func check<N: SignedInteger>(_ status: N) throws(HDF5Error) -> N {
        guard status >= 0 else { throw failure() }
        return status
    }

    /// Takes an identifier into ownership.
    func own(_ id: hid_t, _ close: @escaping Handle.Close) throws(HDF5Error) -> Handle {
        guard id >= 0 else { throw failure() }
        return Handle(id, close)
    }
}

/// Owns one HDF5 identifier and closes it. Lives on the HDF5 thread only.
struct Handle: ~Copyable {
    typealias Close = @convention(c) (hid_t) -> herr_t

    let id: hid_t
    private let closing: Close

    init(_ id: hid_t, _ closing: @escaping Close) {
        self.id = id
        self.closing = closing
    }

    /// Closes the identifier; whether that succeeded.
    consuming func close() -> Bool {
        let status = closing(id)
        discard self
        return status >= 0
    }

    deinit { _ = closing(id) }
}
