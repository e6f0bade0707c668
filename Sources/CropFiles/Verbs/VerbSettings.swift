public import Arrays
internal import Elements
internal import Geometry
internal import HDF5
internal import JSONText
internal import Manifest

/// What the verbs that read crop files have in common.
public struct VerbSettings: Sendable {
    /// The least memory the verbs work in, in bytes.
    public static let leastMemory = 128 << 20

    /// Files in work at a time.
    let width: Int
    /// Bytes that a file's work may take.
    private let share: Int
    private let voxelSize: ZYX<Double>?
    let stop: StopSignal

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

    /// Bytes of decoded chunks to remember.
    var cacheBytes: Int { share / 4 }
    /// Bytes of windows and chunks under way.
    var workBytes: Int { share / 4 }
    /// Bytes of source chunks that one window may hold.
    var heldBytes: Int { share / 16 }

    /// Opens a crop file as long as `body` runs.
    func read<R: Sendable>(_ path: String, _ body: (VoxelFile) async throws -> R) async throws -> R {
        try stop.check()
        let reader: HDF5Reader
        do {
            reader = try await HDF5Reader(opening: path)
        } catch {
            // Wrapped, so that EACCES on input is not taken for an output that cannot be written.
            throw CropFileError(error.description)
        }
        do {
            let file: VoxelFile
            do {
                file = try await VoxelFile(
                    reader, within: VoxelFile.Limits(voxelSize: voxelSize, chunkBytes: share / 16))
            } catch let error as CropFileError {
                throw CropFileError("\(path): \(error)")
            }
            let result = try await body(file)
            await reader.close()
            return result
        } catch {
            await reader.close()
            throw error
        }
    }

    /// Why a file could not be read or made.
    ///
    /// - Throws: the error where it ends all work.
    func reason(_ error: any Error) throws -> String {
        if stop.isStopped { throw JobError.stopped }
        if Cancellation.isFromOutside(error) { throw error }
        return "\(error)"
    }

    /// A reason with the file that it is about.
    static func line(_ reason: String, _ path: String) -> String {
        reason.contains(path) ? reason : "\(path): \(reason)"
    }
}

/// A voxel size in nm as people write it: `8`, or `z,y,x`.
public struct VoxelSize: Sendable, Hashable {
    let nanometers: ZYX<Double>

    /// nil where the text is neither one nor three numbers from 0.001 to 10⁶.
    public init?(_ text: String) {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Double($0.drop { $0 == " " }) }
        guard numbers.count == parts.count, numbers.allSatisfy({ (1e-3...1e6).contains($0) }) else { return nil }
        if numbers.count == 1 {
            nanometers = ZYX(repeating: numbers[0])
        } else {
            guard let three = ZYX(numbers) else { return nil }
            nanometers = three
        }
    }
}

/// The value of `--memory`: a count of bytes with a unit, such as `1GiB`.
public struct MemoryOption: Sendable, Hashable, CustomStringConvertible {
    /// 1 GiB.
    public static let standard = MemoryOption(bytes: 1 << 30)

    public let bytes: Int

    public var description: String { ByteCount.json(bytes).string ?? "\(bytes)B" }

    private init(bytes: Int) { self.bytes = bytes }

    /// nil where the text is no count of bytes with a unit.
    public init?(_ text: String) {
        guard let bytes = ByteCount.parse(text) else { return nil }
        self.bytes = bytes
    }
}
