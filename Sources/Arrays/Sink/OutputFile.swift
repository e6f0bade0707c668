public import HDF5
public import Ledger
public import Manifest
internal import Threads

/// An HDF5 file that is made under a temporary name and published whole, or not at all. Where anything fails, nothing is left of it.
public enum OutputFile {
    /// Makes the file at `path` in `folder`, fills it by `body`, publishes it.
    public static func make(
        _ path: String, in folder: ConfinedFolder, stop: StopSignal, _ body: (HDF5Writer) async throws -> Void
    ) async throws -> Record.Output {
        try await make(path, in: folder, stop: stop, body, reading: nil as ((HDF5Reader) async throws -> Void)?).output
    }

    /// The same, and reads the finished file by `reading` before it is published, while it goes to the disk and is hashed: neither leaves
    /// the cores much to do.
    public static func make<R>(
        _ path: String, in folder: ConfinedFolder, stop: StopSignal, _ body: (HDF5Writer) async throws -> Void,
        reading: ((HDF5Reader) async throws -> R)?
    ) async throws -> (output: Record.Output, found: R?) {
        try await publish(path, in: folder, stop: stop, body) { temporary in
            async let digest = ThreadPool.files.run { () throws(LedgerError) in try temporary.digest() }
            async let flush: Void = ThreadPool.files.run { () throws(LedgerError) in try temporary.flush() }
            let found: R? =
                if let reading { try await HDF5Reader.read(temporary.path, reading) } else { nil }
            let output = Record.Output(path: path, digest: try await digest)
            try await flush
            try stop.check()
            return (output, found)
        }
    }

    /// Makes a file that no record tells of: it is not hashed. Its folder is made where it is missing.
    public static func make(
        at place: AbsolutePath, stop: StopSignal, _ body: (HDF5Writer) async throws -> Void
    ) async throws {
        let folder = try await ThreadPool.files.run { () throws(LedgerError) in
            try ConfinedFolder(creating: place.parent.text)
        }
        try await publish(place.components.last ?? "", in: folder, stop: stop, body) { _ in }
    }

    /// - Parameter finish: looks at the finished file before it is published.
    private static func publish<R>(
        _ path: String, in folder: ConfinedFolder, stop: StopSignal, _ body: (HDF5Writer) async throws -> Void,
        _ finish: (TemporaryFile) async throws -> R
    ) async throws -> R {
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
            let result = try await finish(temporary)
            try await ThreadPool.files.run { () throws(LedgerError) in try temporary.publish() }
            return result
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
