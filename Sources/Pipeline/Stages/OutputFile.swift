internal import HDF5
internal import Ledger
internal import Threads

/// An HDF5 file that is made under a temporary name and published whole, or not at all.
struct OutputFile: Sendable {
    let writer: HDF5Writer
    private let temporary: TemporaryFile
    private let path: String

    /// Makes the file at `path` in `folder`, fills it by `body`, publishes it. Where anything fails, nothing is left of it.
    static func make(
        _ path: String, in folder: ConfinedFolder, stop: StopSignal, _ body: (HDF5Writer) async throws -> Void
    ) async throws -> Record.Output {
        let temporary = try await ThreadPool.files.run { () throws(LedgerError) in
            try TemporaryFile(for: path, in: folder, creating: false)
        }
        let writer: HDF5Writer
        do {
            writer = try await HDF5Writer(creating: temporary.path)
        } catch {
            temporary.discard()
            throw error.renamed("\(folder.path)/\(path)")
        }
        do {
            try await body(writer)
            try await writer.close()
            try stop.check()
            return try await ThreadPool.files.run { () throws(LedgerError) in
                let digest = try temporary.digest()
                try temporary.publish()
                return Record.Output(path: path, digest: digest)
            }
        } catch {
            await writer.abandon()
            await ThreadPool.files.run { temporary.discard() }
            // The library only knows the temporary name.
            if let error = error as? HDF5Error, error.path == temporary.path {
                throw error.renamed("\(folder.path)/\(path)")
            }
            throw error
        }
    }
}
