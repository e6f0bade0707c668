public import HDF5
public import Ledger
internal import Threads

/// Opens HDF5 files below the output directory for reading.
public enum InputFile {
    public static func read<R>(
        _ path: String, in folder: ConfinedFolder, _ body: (HDF5Reader) async throws -> R
    ) async throws -> R {
        let place = try await ThreadPool.files.run { () throws(LedgerError) in try folder.pathForReading(path) }
        do {
            return try await HDF5Reader.read(place.path, body)
        } catch let error as HDF5Error where error.path == place.path {
            throw error.renamed("\(folder.path)/\(path)")
        }
    }
}

extension HDF5Reader {
    /// Opens the file at `path` as long as `body` runs.
    public static func read<R>(_ path: String, _ body: (HDF5Reader) async throws -> R) async throws -> R {
        let reader = try await HDF5Reader(opening: path)
        do {
            let result = try await body(reader)
            await reader.close()
            return result
        } catch {
            await reader.close()
            throw error
        }
    }
}
