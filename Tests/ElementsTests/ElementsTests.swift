import Elements
import Testing
import Threads

@Suite struct ElementTests {
    @Test(arguments: ElementType.allCases)
    func everyTypeHasASwiftTypeOfItsSize(type: ElementType) {
        func size<T>(_: T.Type) -> Int { MemoryLayout<T>.size }
        #expect(size(type.swiftType) == type.byteCount)
        #expect(type == .bool || type.swiftType.elementType == type)
    }

    @Test func nearestRoundsAndClamps() {
        #expect(UInt8.nearest(to: 2.5) == 2)
        #expect(UInt8.nearest(to: 3.5) == 4)
        #expect(UInt8.nearest(to: -1) == 0)
        #expect(UInt8.nearest(to: 300) == 255)
        #expect(Int16.nearest(to: -40_000) == -32_768)
        #expect(UInt64.nearest(to: 0x1p64) == .max)
        #expect(Int64.nearest(to: 0x1p63) == .max)
        #expect(Int32.nearest(to: .nan) == 0)
        #expect(Float.nearest(to: 1.5) == 1.5)
    }

    @Test(arguments: [1, 3, 4, 7])
    func fillingRepeatsThePattern(length: Int) {
        let pattern = (0..<length).map { UInt8($0 + 1) }
        let buffer = ByteBuffer(count: length * 100)
        buffer.fill(with: pattern)
        #expect(buffer.array == Array(repeating: pattern, count: 100).flatMap { $0 })
    }
}

@Suite struct ThreadPoolTests {
    @Test func resultsAndErrorsComeBack() async throws {
        struct Failure: Error, Equatable { let number: Int }
        let pool = try ThreadPool(name: "test", width: 3)
        let sum = await withTaskGroup(of: Int.self) { group in
            for number in 0..<200 { group.addTask { await pool.run { number } } }
            return await group.reduce(0, +)
        }
        #expect(sum == 19_900)
        await #expect(throws: Failure(number: 7)) {
            try await pool.run { () throws(Failure) in throw Failure(number: 7) }
        }
    }

    /// A task that prefers the pool stays on its threads, also with what it asks the pool to run; others come from where they were.
    @Test func tasksThatPreferThePoolStayOnIt() async throws {
        let pool = try ThreadPool(name: "preferred", width: 2)
        let threads = await withTaskExecutorPreference(pool) {
            await withTaskGroup(of: [UInt].self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        let before = currentThread()
                        let inside = await pool.run { currentThread() }
                        await Task.yield()
                        return [before, inside, currentThread()]
                    }
                }
                return await group.reduce(into: [[UInt]]()) { $0.append($1) }
            }
        }
        #expect(threads.allSatisfy { $0[0] == $0[1] })
        #expect(Set(threads.joined()).count <= 2)
        #expect(!threads.joined().contains(await Task.detached { currentThread() }.value))
    }

    @Test func aPinnedActorStaysOnItsThread() async {
        actor Pinned {
            static let thread = PinnedThread(name: "pinned-test")
            nonisolated var unownedExecutor: UnownedSerialExecutor { Self.thread.asUnownedSerialExecutor() }
            func thread() -> UInt { currentThread() }
        }
        let actor = Pinned()
        let threads = await withTaskGroup(of: UInt.self) { group in
            for _ in 0..<50 { group.addTask { await actor.thread() } }
            return await group.reduce(into: Set<UInt>()) { $0.insert($1) }
        }
        #expect(threads.count == 1)
        #expect(!threads.contains(currentThread()))
    }
}
