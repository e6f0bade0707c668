public import Arrays
internal import Elements
public import Geometry
public import HDF5

/// What the verbs that read crop files have in common.
public struct CropToolSettings: Sendable {
    /// The least memory the verbs work in, in bytes.
    public static let leastMemory = 128 << 20

    /// Files that are worked on at a time.
    public let width: Int
    /// Bytes that a file's work may take.
    private let share: Int
    public let voxelSize: ZYX<Double>?
    public let stop: StopSignal

    /// - Parameters:
    ///   - memory: bytes the process may use.
    ///   - voxelSize: z, y, x in nm, for files that do not tell theirs.
    public init(memory: Int, voxelSize: VoxelSize?, stop: StopSignal) {
        let memory = max(memory, Self.leastMemory)
        width = memory >= 512 << 20 ? 2 : 1
        share = max(memory - (96 << 20), memory / 4) / width
        self.voxelSize = voxelSize?.nanometers
        self.stop = stop
        BufferPool.setLimit(bytes: memory / 16)
    }

    /// Bytes of decoded chunks to remember; of windows and chunks under way; and of the chunks that one window may hold.
    public var cacheBytes: Int { share / 4 }
    public var workBytes: Int { share / 4 }
    var heldBytes: Int { share / 16 }
    /// Bytes of the largest chunk that is read.
    var chunkLimit: Int { share / 16 }

    /// Opens a crop file as long as `body` runs.
    public func read<R: Sendable>(
        _ path: String, _ body: (HDF5Reader, CropFile) async throws -> R
    ) async throws -> R {
        try stop.check()
        let reader: HDF5Reader
        do {
            reader = try await HDF5Reader(opening: path)
        } catch {
            // Not the error itself: no permission to read is no trouble with the output.
            throw CropFileError(error.description)
        }
        do {
            let file: CropFile
            do {
                file = try await CropFile(reader, voxelSize: voxelSize, chunkLimit: chunkLimit)
            } catch let error as CropFileError {
                throw CropFileError("\(path): \(error)")
            }
            let result = try await body(reader, file)
            await reader.close()
            return result
        } catch {
            await reader.close()
            throw error
        }
    }
}
