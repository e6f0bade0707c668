import Elements
import Geometry
import Ledger
import Stores
import Synchronization
import Testing

@testable import Arrays
@testable import Job

/// Whether a store still has what an item was made from, where it can list an array of many chunks: what has changed is found, and only
/// what the listing throws doubt on is asked for.
@Suite struct SourceCheckTests {
    /// A store that tells nothing but marks.
    private final class MarkStore: ObjectStore {
        struct State {
            /// What it says of each object.
            var marks: [String: ObjectMetadata] = [:]
            /// What it says of them in a listing.
            var listed: [String: ObjectMetadata] = [:]
            var goesInCircles = false
            /// The keys that were asked for.
            var asked: [String] = []
            var pages = 0
        }

        private static let pageKeys = 20
        /// More than anybody asks for who sees that there is no end.
        private static let mostPages = 1000
        let url: StoreURL
        let state: Mutex<State>

        init(_ state: State) throws {
            url = try StoreURL("s3://bucket")
            self.state = Mutex(state)
        }

        var asked: [String] { state.withLock { $0.asked.sorted() } }
        var pages: Int { state.withLock { $0.pages } }

        func get(_ key: String, part: ObjectPart, maximumBytes: Int) async throws(StoreError) -> StoredObject? {
            throw StoreError(.file, url: key, message: "it has no bytes")
        }

        func list(_ prefix: String) async throws(StoreError) -> Listing { Listing() }

        func head(_ key: String) async throws(StoreError) -> HeadAnswer {
            state.withLock { state in
                state.asked.append(key)
                return HeadAnswer(metadata: state.marks[key], served: 1000)
            }
        }

        func objects(below prefix: String, after token: String?) async throws(StoreError) -> ObjectPage? {
            guard pages < Self.mostPages else {
                throw StoreError(.malformedListing, url: prefix, message: "page after page is asked for")
            }
            return state.withLock { state in
                state.pages += 1
                let keys = state.listed.keys.filter { $0.hasPrefix(prefix + "/") }.sorted()
                let first = token.flatMap { Int($0) } ?? 0
                let page = keys.dropFirst(first).prefix(Self.pageKeys)
                let next = first + page.count < keys.count ? first + page.count : state.goesInCircles ? 0 : nil
                return ObjectPage(
                    objects: page.map { ($0, state.listed[$0] ?? ObjectMetadata()) }, next: next.map(String.init))
            }
        }
    }

    private static let array = "ds/labels/groundtruth/crop5/mito/s0"
    private static let keys = (0..<4).flatMap { z in
        (0..<4).flatMap { y in (0..<4).map { x in "\(array)/\(z)/\(y)/\(x)" } }
    }
    /// In the middle of a page.
    private static let changed = keys[30]

    private static func mark(_ number: Int) -> ObjectMetadata {
        ObjectMetadata(etag: "etag-\(number)", byteCount: 100 + number, modified: 500)
    }

    /// What the item was made from.
    private let made = Dictionary(uniqueKeysWithValues: keys.enumerated().map { ($1, mark($0)) })

    /// What has changed in a store with these marks.
    private func changes(
        _ store: MarkStore, since made: [String: ObjectMetadata?]? = nil, isOneEnough: Bool = false
    ) async throws -> [String] {
        let extents = "[8, 8, 8]"
        let box = Box(shape: ZYX(8, 8, 8))
        let plan = ArrayPlan(
            name: "mito", image: "ds/labels/groundtruth/crop5/mito", level: "s0",
            grid: Grid(
                shape: ZYX(8, 8, 8), voxelSize: ZYX(8, 8, 8), translation: ZYX(0, 0, 0)), box: box, written: box,
            metadata: """
                {"zarr_format": 2, "shape": \(extents), "chunks": [2, 2, 2], "dtype": "|u1", "order": "C",
                 "compressor": null, "filters": null, "fill_value": 0, "dimension_separator": "/"}
                """)
        let lines = (made ?? self.made).map { ObjectVersion(key: $0, metadata: $1).line }.sorted().joined()
        let text = Array(lines.utf8)
        let file = VersionFile(length: text.count) { count, offset in Array(text[offset..<(offset + count)]) }
        let check = SourceCheck(
            store: store, stop: StopSignal(), arrays: [try PlannedArray(plan, store: store.url)])
        return try await check.changes(in: file, isOneEnough: isOneEnough).map(\.key).sorted()
    }

    @Test func anUnchangedArrayIsOnlyListed() async throws {
        let store = try MarkStore(MarkStore.State(marks: made, listed: made))
        #expect(try await changes(store) == [])
        #expect(store.asked == [])
        #expect(store.pages == 4)
    }

    enum Change: CaseIterable { case etag, size, vanished, appeared }

    @Test(arguments: Change.allCases, [false, true])
    func oneChangedChunkOfManyIsFound(change: Change, isOneEnough: Bool) async throws {
        var (marks, before): ([String: ObjectMetadata], [String: ObjectMetadata?]) = (made, made)
        switch change {
        case .etag: marks[Self.changed]?.etag = "another"
        case .size: marks[Self.changed]?.byteCount = 7
        case .vanished: marks[Self.changed] = nil
        case .appeared: before.updateValue(nil, forKey: Self.changed)
        }
        let store = try MarkStore(MarkStore.State(marks: marks, listed: marks))
        #expect(try await changes(store, since: before, isOneEnough: isOneEnough) == [Self.changed])
        // The others were listed as they were.
        #expect(store.asked == [Self.changed])
    }

    /// What is still not stored needs no request of its own.
    @Test func whatIsStillAbsentIsNotAskedFor() async throws {
        var (marks, before): ([String: ObjectMetadata], [String: ObjectMetadata?]) = (made, made)
        marks[Self.changed] = nil
        before.updateValue(nil, forKey: Self.changed)
        let store = try MarkStore(MarkStore.State(marks: marks, listed: marks))
        #expect(try await changes(store, since: before) == [])
        #expect(store.asked == [])
    }

    /// Without ETags, two versions of the same size look alike in a listing.
    @Test func marksWithoutETagsAreAskedFor() async throws {
        let before = made.mapValues { ObjectMetadata(byteCount: $0.byteCount, modified: $0.modified) }
        var marks = before
        marks[Self.changed]?.modified = 501
        let store = try MarkStore(MarkStore.State(marks: marks, listed: marks))
        #expect(try await changes(store, since: before) == [Self.changed])
        #expect(store.asked.count == Self.keys.count)
    }

    /// Some servers list other marks than they send.
    @Test func otherMarksInAListingProveNothing() async throws {
        let listed = made.mapValues { ObjectMetadata(etag: "\($0.etag ?? "")-listed", byteCount: $0.byteCount) }
        let store = try MarkStore(MarkStore.State(marks: made, listed: listed))
        #expect(try await changes(store) == [])
        #expect(store.asked.count == Self.keys.count)
    }

    @Test func aListingWithoutEndIsLeft() async throws {
        var marks = made
        marks[Self.changed]?.etag = "another"
        let store = try MarkStore(MarkStore.State(marks: marks, listed: made, goesInCircles: true))
        #expect(try await changes(store) == [Self.changed])
        #expect(store.asked.count == Self.keys.count)
        #expect(store.pages < 100)
    }
}
