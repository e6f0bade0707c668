internal import Arrays
internal import Elements
internal import Synchronization
internal import Volumes

/// How many bytes the stored chunks of a job have turned out to have, so that room is taken for what comes, not for the most that could come.
///
/// A crop's labels often lie in one chunk of many megabytes that is stored in a few kilobytes: with room for all of it taken, little else
/// could be under way beside it.
final class ChunkSizes: Sendable {
    /// Chunks that are as large when decoded are taken to be alike.
    private struct Kind: Hashable {
        let elementType: ElementType
        let decodedBytes: Int
    }

    /// Room that is taken at least: few stored chunks are larger, and those may have to be asked for a second time.
    private static let usual = 2 << 20

    private let largest = Mutex<[Kind: Int]>([:])

    /// Bytes that a stored chunk will hardly exceed.
    func expected(_ array: PlannedArray) -> Int {
        let largest = largest.withLock { $0[Self.kind(of: array)] ?? 0 }
        return min(array.maximumEncodedByteCount, max(2 * largest, Self.usual))
    }

    func note(_ byteCount: Int, of array: PlannedArray) {
        largest.withLock { $0[Self.kind(of: array), default: 0] = max($0[Self.kind(of: array)] ?? 0, byteCount) }
    }

    private static func kind(of array: PlannedArray) -> Kind {
        Kind(elementType: array.metadata.elementType, decodedBytes: array.chunkByteCount)
    }
}
