import Elements
import Foundation
import Ledger
import Stores
import Synchronization
import TestSupport
import Testing

@testable import Planning

/// What the store said about metadata: asked once by however many, kept, and never believed when it is damaged.
@Suite struct MetadataCacheTests {
    /// A store whose answers wait until they are let go.
    private final class HeldStore: ObjectStore {
        private struct State: Sendable {
            var isOpen = false
            var asked: [String] = []
            var cancelled = 0
        }

        private let state = Mutex(State())
        let url: StoreURL
        private let failure: StoreError.Code?

        init(failure: StoreError.Code? = nil) throws {
            url = try StoreURL("https://example.org/bucket")
            self.failure = failure
        }

        var asked: [String] { state.withLock { $0.asked } }
        var cancelled: Int { state.withLock { $0.cancelled } }
        func open() { state.withLock { $0.isOpen = true } }

        func get(_ key: String, part: ObjectPart, maximumBytes: Int) async throws(StoreError) -> StoredObject? {
            state.withLock { $0.asked.append(key) }
            while !state.withLock({ $0.isOpen }) {
                if Task.isCancelled {
                    state.withLock { $0.cancelled += 1 }
                    throw StoreError(.cancelled, url: key, message: "cancelled")
                }
                try? await Task.sleep(for: .milliseconds(1))
            }
            if let failure { throw StoreError(failure, url: key, message: "no") }
            return StoredObject(bytes: ByteBuffer(Array(#"{"shape":[10,20,30]}"#.utf8)), etag: nil)
        }

        func list(_ prefix: String) async throws(StoreError) -> Listing { Listing(prefixes: ["a"]) }
        func head(_ key: String) async throws(StoreError) -> HeadAnswer {
            throw StoreError(.unsupported, url: key, message: "no marks")
        }
    }

    private let scratch = Scratch()
    private let state: ConfinedFolder

    init() throws {
        state = try ConfinedFolder(creating: scratch.path)
    }

    private func cache(_ store: any ObjectStore) async throws -> MetadataCache {
        try await MetadataCache(dataset: "ds", store: store, state: state)
    }

    private func waitUntil(_ condition: () async -> Bool) async throws {
        for _ in 0..<5000 {
            if await condition() { return }
            try await Task.sleep(for: .milliseconds(1))
        }
        Issue.record("it did not come to that in five seconds")
    }

    /// The one who asked first may be given up; the answer belongs to all who wait.
    @Test func theAnswerOutlivesWhoAskedFirst() async throws {
        let store = try HeldStore()
        let cache = try await cache(store)
        let first = Task { try await cache.text("x/.zattrs") }
        try await waitUntil { store.asked.count == 1 }
        let second = Task { try await cache.text("x/.zattrs") }
        try await waitUntil { await cache.waiting("get x/.zattrs") == 2 }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        #expect(store.cancelled == 0)
        store.open()
        #expect(try await second.value == #"{"shape":[10,20,30]}"#)
        #expect(store.asked.count == 1)
    }

    /// Only when all have left, the request is given up; who comes later asks anew.
    @Test func aRequestThatNobodyWaitsForIsGivenUp() async throws {
        let store = try HeldStore()
        let cache = try await cache(store)
        let tasks = (0..<3).map { _ in Task { try await cache.text("x/.zattrs") } }
        try await waitUntil { await cache.waiting("get x/.zattrs") == 3 }
        for task in tasks { task.cancel() }
        try await waitUntil { store.cancelled == 1 }
        for task in tasks { await #expect(throws: CancellationError.self) { try await task.value } }
        store.open()
        #expect(try await cache.text("x/.zattrs") != nil)
        #expect(store.asked.count == 2)
    }

    @Test func aFailureReachesAllAndIsNotKept() async throws {
        let store = try HeldStore(failure: .forbidden)
        let cache = try await cache(store)
        let tasks = (0..<3).map { _ in Task { try await cache.text("x/.zattrs") } }
        try await waitUntil { await cache.waiting("get x/.zattrs") == 3 }
        store.open()
        for task in tasks { await #expect(throws: StoreError.self) { try await task.value } }
        await #expect(throws: StoreError.self) { try await cache.text("x/.zattrs") }
        #expect(store.asked.count == 2)
    }

    /// Whatever byte of the file is another one: the answer is the store's.
    @Test func aFlippedByteIsAskedAgain() async throws {
        let store = try HeldStore()
        store.open()
        let first = try await cache(store)
        let answer = try await first.text("x/.zattrs")
        try await first.save()
        let path = "metadata/ds.jsonl"
        let whole = try #require(try state.read(path))
        for place in whole.indices {
            var text = whole
            // The lowest bit: digits become other digits.
            text[place] ^= 1
            try state.write(text, to: path)
            #expect(try await cache(store).text("x/.zattrs") == answer, "byte \(place)")
        }
        // Nothing is asked where nothing is damaged.
        try state.write(whole, to: path)
        let before = store.asked.count
        #expect(try await cache(store).text("x/.zattrs") == answer)
        #expect(store.asked.count == before)
    }

    /// Lines without a checksum are those of an earlier version.
    @Test func linesOfEarlierVersionsAreTakenOver() async throws {
        let store = try HeldStore()
        let header = #"{"source":"https://example.org/bucket","version":1}"#
        let line = #"{"ask":"get x/.zattrs","text":"{\"old\":1}"}"#
        try state.write(Array("\(header)\n\n\(line)\n".utf8), to: "metadata/ds.jsonl")
        #expect(try await cache(store).text("x/.zattrs") == #"{"old":1}"#)
        #expect(store.asked.isEmpty)
    }
}
