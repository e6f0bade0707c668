/// Closes files on the HDF5 thread whose owners have gone without doing so.
actor FileCloser {
    nonisolated var unownedExecutor: UnownedSerialExecutor { HDF5Library.thread.asUnownedSerialExecutor() }

    private static let shared = FileCloser()

    /// Has the file closed soon. Nobody else may use it any more.
    static func abandonLater(_ file: OpenFile) {
        Task.detached { await shared.abandon(file) }
    }

    private func abandon(_ file: OpenFile) { file.abandon() }
}
