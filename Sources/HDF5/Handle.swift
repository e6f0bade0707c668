internal import CHDF5

/// Owns one HDF5 identifier and closes it. Lives on the HDF5 thread only.
struct Handle: ~Copyable {
    typealias Close = @convention(c) (hid_t) -> herr_t

    let id: hid_t
    private let closing: Close

    init(_ id: hid_t, _ closing: @escaping Close) {
        self.id = id
        self.closing = closing
    }

    /// Closes the identifier and says whether that went well.
    consuming func close() -> Bool {
        let status = closing(id)
        discard self
        return status >= 0
    }

    deinit { _ = closing(id) }
}
