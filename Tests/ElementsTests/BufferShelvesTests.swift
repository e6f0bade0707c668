import Testing

@testable import Elements

@Suite struct BufferShelvesTests {
    private static func block(_ number: Int, _ byteCount: Int) throws -> BufferShelves.Block {
        BufferShelves.Block(
            start: try #require(UnsafeMutableRawPointer(bitPattern: number << 20)), byteCount: byteCount)
    }

    @Test func handsOutWhatItHasOfThatSize() throws {
        var shelves = BufferShelves(limit: 1000)
        #expect(shelves.give(try Self.block(1, 300)).isEmpty)
        #expect(shelves.take(400) == nil)
        #expect(shelves.take(300)?.start == (try Self.block(1, 300)).start)
        #expect(shelves.take(300) == nil)
        #expect(shelves.byteCount == 0)
    }

    @Test func keepsNoMoreThanItMay() throws {
        var shelves = BufferShelves(limit: 1000)
        _ = shelves.take(300)
        for number in 1...3 { #expect(shelves.give(try Self.block(number, 300)).isEmpty) }
        #expect(shelves.give(try Self.block(4, 300)).map(\.start) == [try Self.block(4, 300).start])
        #expect(shelves.byteCount == 900)
        #expect(shelves.give(try Self.block(5, 2000)).count == 1)
    }

    /// What is left of a stage before would otherwise fill the pool for good, and every block of the next stage would come from the kernel.
    @Test func givesUpSizesThatNobodyWantsAnyMore() throws {
        var shelves = BufferShelves(limit: 1000)
        _ = shelves.take(250)
        for number in 1...4 { _ = shelves.give(try Self.block(number, 250)) }
        _ = shelves.take(600)
        let surplus = shelves.give(try Self.block(5, 600))
        #expect(surplus.map(\.byteCount) == [250, 250, 250])
        #expect(shelves.byteCount == 850)
        #expect(shelves.take(600)?.start == (try Self.block(5, 600)).start)
    }
}
