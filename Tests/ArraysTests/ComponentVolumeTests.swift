import Elements
import Geometry
import TestSupport
import Testing
import Threads

@testable import Arrays

/// Connected components that are handed out layer by layer, while chunks ask for them in any order.
@Suite struct ComponentVolumeTests {
    /// Planes of 2×4 voxels, of which each has one object of its own: the voxel at its origin, in every second plane.
    private struct Dots: ChunkSource {
        let planes: Int
        var shape: ZYX<Int> { ZYX(planes, 2, 4) }
        var chunkShape: ZYX<Int> { ZYX(1, 2, 4) }
        var elementType: ElementType { .uint8 }
        var fillValue: [UInt8] { [0] }

        func chunk(_ index: ZYX<Int>) async throws -> ByteBuffer? {
            ByteBuffer([index.z % 2 == 0 ? 3 : 0, 0, 0, 0, 0, 0, 0, 0])
        }
    }

    private static let layers = 24
    private static let planesOfLayer = 2

    private func volume(chunksPerLayer: Int) async throws -> ComponentVolume {
        let source = Dots(planes: Self.layers * Self.planesOfLayer)
        let volume = try ComponentVolume(
            source: source, box: Box(shape: source.shape), ids: [3], layerPlanes: Self.planesOfLayer,
            chunksPerLayer: chunksPerLayer, workBytes: 1 << 16, stop: StopSignal())
        #expect(try await volume.count() == Self.layers)
        return volume
    }

    /// The id in the first plane of a layer.
    private func identifier(_ layer: ComponentLayer, _ index: Int) throws -> UInt8 {
        let start = index * Self.planesOfLayer
        let box = Box(start: ZYX(start, 0, 0), stop: ZYX(start + 1, 1, 1))
        return try #require(layer.identifiers(in: box, mask: ByteBuffer(zeroed: box.volume))).array[0]
    }

    /// Whoever is late still gets its layer, however far the others are.
    @Test(arguments: [1, 2, 4]) func layersComeInWhateverOrderTheyAreAskedFor(chunksPerLayer: Int) async throws {
        let volume = try await volume(chunksPerLayer: chunksPerLayer)
        let requests = (0..<Self.layers).flatMap { [Int](repeating: $0, count: chunksPerLayer) }
        // The last one first, one after the other.
        for index in requests.sorted(by: >) {
            #expect(try identifier(try await volume.layer(index), index) == UInt8(index + 1))
        }
        #expect(await volume.heldLayers == 0)
    }

    @Test func layersComeToManyAtOnce() async throws {
        let volume = try await volume(chunksPerLayer: 3)
        var random = SplitMix(seed: 7)
        let requests = (0..<Self.layers).flatMap { [$0, $0, $0] }.shuffled(using: &random)
        let found = try await concurrentMap(requests) { index in
            try identifier(try await volume.layer(index), index) == UInt8(index + 1)
        }
        #expect(found.allSatisfy { $0 })
        #expect(await volume.heldLayers == 0)
    }

    /// Only layers that somebody still waits for are held.
    @Test func layersAreLetGoOfWhenTheyAreServed() async throws {
        let volume = try await volume(chunksPerLayer: 2)
        for index in 0..<Self.layers {
            _ = try await volume.layer(index)
            #expect(await volume.heldLayers == 1)
            _ = try await volume.layer(index)
            #expect(await volume.heldLayers == 0)
        }
        await #expect(throws: ComponentVolume.ServedLayer.self) { try await volume.layer(3) }
    }
}
