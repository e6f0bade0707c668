import Elements
import Geometry
import Testing

@testable import Arrays
@testable import Job

@Suite struct ChunkHandoverTests {
    private static let index = ZYX(1, 2, 3)

    @Test func givesBackWhatItKeeps() async {
        let room = HandoverRoom(limit: 1 << 20, idle: 0)
        let kept = await ChunkHandover(1 << 20, in: room)
        let chunk = ByteBuffer([1, 2, 3])
        kept.keep(chunk, "/raw_crop", Self.index)
        #expect(kept.dataset("/raw_crop").chunk(Self.index) === chunk)
        #expect(kept.dataset("/raw_crop").chunk(ZYX(1, 2, 4)) == nil)
        #expect(kept.dataset("/label_crop/mito").chunk(Self.index) == nil)
        kept.drop()
        #expect(kept.dataset("/raw_crop").chunk(Self.index) == nil)
    }

    @Test func keepsNoMoreThanItHasRoomFor() async {
        let kept = await ChunkHandover(1000, in: HandoverRoom(limit: 1 << 20, idle: 0))
        kept.keep(ByteBuffer(count: 600), "/a", ZYX(0, 0, 0))
        kept.keep(ByteBuffer(count: 600), "/a", ZYX(0, 0, 1))
        kept.keep(ByteBuffer(count: 300), "/a", ZYX(0, 0, 2))
        #expect(kept.dataset("/a").chunk(ZYX(0, 0, 0)) != nil)
        #expect(kept.dataset("/a").chunk(ZYX(0, 0, 1)) == nil)
        #expect(kept.dataset("/a").chunk(ZYX(0, 0, 2)) != nil)
    }

    /// An item waits until there is room for all of its chunks; one that wants more than there is gets all of it.
    @Test func theNextItemWaitsForRoom() async {
        let room = HandoverRoom(limit: 1000, idle: 0)
        let first = await ChunkHandover(5000, in: room)
        let second = Task {
            let kept = await ChunkHandover(800, in: room)
            kept.keep(ByteBuffer(count: 700), "/a", Self.index)
            return kept.dataset("/a").chunk(Self.index) != nil
        }
        for _ in 0..<100 { await Task.yield() }
        first.keep(ByteBuffer(count: 900), "/a", Self.index)
        #expect(first.dataset("/a").chunk(Self.index) != nil)
        first.drop()
        #expect(await second.value)
        // Given back once, however often it is dropped.
        first.drop()
        let all = await ChunkHandover(1000, in: room)
        all.keep(ByteBuffer(count: 960), "/a", Self.index)
        #expect(all.dataset("/a").chunk(Self.index) != nil)
    }

    /// What is free may be taken at once, past those who wait; what of it is not needed goes to them.
    @Test func takesWhatIsFree() async {
        let room = HandoverRoom(limit: 1000, idle: 0)
        let first = await ChunkHandover(600, in: room)
        let waiting = Task { await ChunkHandover(500, in: room) }
        for _ in 0..<100 { await Task.yield() }
        let free = ChunkHandover(atMost: 5000, in: room)
        for index in 0..<5 { free.keep(ByteBuffer(count: 100), "/a", ZYX(0, 0, index)) }
        #expect(free.byteCount == 400)
        free.drop()
        let small = ChunkHandover(atMost: 5000, in: room)
        small.keep(ByteBuffer(count: 100), "/a", Self.index)
        small.close()
        small.keep(ByteBuffer(count: 100), "/b", Self.index)
        #expect(small.byteCount == 100)
        #expect(ChunkHandover(atMost: 50, in: room).byteCount == 0)
        first.drop()
        // 900 bytes are free.
        let second = await waiting.value
        second.keep(ByteBuffer(count: 500), "/a", Self.index)
        #expect(second.byteCount == 500)
        #expect(small.dataset("/a").chunk(Self.index) != nil)
    }

    @Test(arguments: [128, 256, 511, 512, 700, 1024, 4096], [true, false])
    func sharesFitIntoTheMemory(mebibytes: Int, hasCrops: Bool) {
        let limit = mebibytes << 20
        let shares = MemoryShares(limit: limit, hasCrops: hasCrops)
        let sum = shares.download + shares.kept + shares.computingItems * (shares.cache + shares.work)
        #expect(sum <= max(limit - (96 << 20), limit / 4))
        #expect(shares.work > 0 && shares.cache > 0 && shares.download > 0)
        if !hasCrops { #expect(shares.kept == 0) }
    }
}
