import Elements
import Geometry
import Synchronization
import Testing

@testable import Arrays

/// A cache of chunks: what it keeps, and what it asks for again.
@Suite struct CachedChunksTests {
    /// Chunks of 1 KiB, of which only those of the first plane are stored; counts how often each is asked for.
    private final class CountedChunks: ChunkSource {
        let asked = Mutex<[ZYX<Int>: Int]>([:])
        var shape: ZYX<Int> { ZYX(10_000, 8, 1024) }
        var chunkShape: ZYX<Int> { ZYX(1, 1, 1024) }
        var elementType: ElementType { .uint8 }
        var fillValue: [UInt8] { [0] }

        func chunk(_ index: ZYX<Int>) async throws -> ByteBuffer? {
            asked.withLock { $0[index, default: 0] += 1 }
            return index.z == 0 ? ByteBuffer(zeroed: 1024) : nil
        }

        func count(_ index: ZYX<Int>) -> Int { asked.withLock { $0[index] ?? 0 } }
    }

    /// Of a sparse volume's millions of unstored chunks only the last ones are remembered, and they displace no stored one.
    @Test func unstoredChunksTakeNoRoom() async throws {
        let source = CountedChunks()
        let cache = CachedChunks(source, limit: 1 << 20)
        for y in 0..<8 { #expect(try await cache.chunk(ZYX(0, y, 0)) != nil) }
        for z in 1..<6000 { #expect(try await cache.chunk(ZYX(z, 0, 0)) == nil) }
        for y in 0..<8 { _ = try await cache.chunk(ZYX(0, y, 0)) }
        for z in [1, 5999] { _ = try await cache.chunk(ZYX(z, 0, 0)) }
        #expect((0..<8).allSatisfy { source.count(ZYX(0, $0, 0)) == 1 })
        #expect(source.count(ZYX(5999, 0, 0)) == 1)
        #expect(source.count(ZYX(1, 0, 0)) == 2)
    }

    @Test func storedChunksStayWithinTheLimit() async throws {
        let source = CountedChunks()
        // Four of them, with what remembering costs.
        let cache = CachedChunks(source, limit: 8192)
        for y in 0..<8 { _ = try await cache.chunk(ZYX(0, y, 0)) }
        for y in [7, 0] { _ = try await cache.chunk(ZYX(0, y, 0)) }
        #expect(source.count(ZYX(0, 7, 0)) == 1)
        #expect(source.count(ZYX(0, 0, 0)) == 2)
    }
}
