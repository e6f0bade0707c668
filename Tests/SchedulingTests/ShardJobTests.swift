import Elements
import Foundation
import Geometry
import JSONText
import JobTestSupport
import Ledger
import Scheduling
import Stores
import Synchronization
import Testing
import Volumes

@testable import Arrays

/// Jobs that need a part of a shard.
@Suite struct ShardJobTests {
    private let job: SmallJob
    private let raw = "ds/ds.zarr/recon-1/em/fibsem-uint8"

    init() throws { job = SmallJob() }

    /// A region of the first voxels of the image, in nm.
    private func manifest(_ shape: [Int]) -> [String: JSONValue] {
        [
            "select": "all",
            "regions": [
                ["dataset": "ds", "offset_nm": [-4, -4, -4], "shape_nm": .array(shape.map { .integer($0 * 8) })]
            ],
            "convert": ["keep_packs": true],
        ]
    }

    /// The first voxel of each inner chunk of a region of 5×5×5 voxels, in C order.
    private func corners() async throws -> [UInt8] {
        let found = try await job.dataset("/raw_crop", of: "hdf5/region_ds_1.h5")
        #expect(found.shape == [5, 5, 5])
        return [0, 4, 20, 24, 100, 104, 120, 124].map { found.bytes[$0] }
    }

    private func packs() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(job.folder)/state/packs").sorted()
    }

    private func pack() throws -> Pack {
        let name = try #require(try packs().first { $0.hasSuffix(".zip") })
        return try Holdings(in: try ConfinedFolder(creating: "\(job.folder)/state")).closedPack("packs/\(name)")
    }

    /// What is small comes whole, what lies far apart does not; neither shows.
    @Test(arguments: [false, true], [0, 200_000])
    func whatIsNotStoredIsFillValueAndJournaled(isIndexAtStart: Bool, gap: Int) async throws {
        try SmallShards(
            key: raw, isIndexAtStart: isIndexAtStart, values: [1, 2, nil, 4, 5, nil, 7, 8], gap: gap
        ).write(job)
        let outcome = try await job.run(manifest([5, 5, 5]))
        #expect(outcome.failures == [])
        #expect(try await corners() == [1, 2, 9, 4, 5, 9, 7, 8])
        let pack = try pack()
        let key = "\(raw)/s0/c/0/0/0"
        #expect((pack.summary(key) != nil) == (gap == 0))
        #expect((pack.summary("\(key)#0/0/1") != nil) == (gap > 0))
        #expect(pack.isAbsent("\(key)#0/1/0") && pack.isAbsent("\(key)#1/0/1"))
    }

    @Test(arguments: [false, true]) func onlyWhatIsNeededIsFetched(isIndexAtStart: Bool) async throws {
        try SmallShards(
            key: raw, isIndexAtStart: isIndexAtStart, values: [1, nil, 3, 4, 5, 6, 7, 8], gap: 200_000
        ).write(job)
        let outcome = try await job.run(manifest([2, 2, 8]))
        #expect(outcome.failures == [])
        let found = try await job.dataset("/raw_crop", of: "hdf5/region_ds_1.h5")
        #expect(found.shape == [2, 2, 8])
        #expect(found.bytes == (0..<32).map { $0 % 8 < 4 ? 1 : 9 })
        let pack = try pack()
        let key = "\(raw)/s0/c/0/0/0"
        #expect(pack.summary(key) == nil)
        #expect(pack.summary("\(key)#0/0/0")?.size == 64)
        #expect(pack.summary("\(key)#index")?.size == 132)
        #expect(pack.isAbsent("\(key)#0/0/1"))
        #expect(!pack.knows("\(key)#0/1/0"))
    }

    @Test func aShardThatIsNotStoredIsFillValue() async throws {
        try SmallShards(key: raw).write(job, isStored: false)
        let outcome = try await job.run(manifest([2, 2, 2]))
        #expect(outcome.failures == [])
        let found = try await job.dataset("/raw_crop", of: "hdf5/region_ds_1.h5")
        #expect(found.bytes == [UInt8](repeating: 9, count: 8))
        #expect(try pack().isAbsent("\(raw)/s0/c/0/0/0"))
    }

    /// The pack has the index and inner chunks of the old version; a larger region needs more of the new one.
    @Test func aShardThatChangedIsFetchedAnew() async throws {
        try SmallShards(key: raw, gap: 200_000).write(job)
        _ = try await job.run(manifest([2, 2, 2]))
        try SmallShards(key: raw, values: [11, 12, 13, 14, 15, 16, 17, 18], gap: 200_001).write(job)
        let outcome = try await job.run(manifest([2, 2, 8]))
        #expect(outcome.failures == [])
        let found = try await job.dataset("/raw_crop", of: "hdf5/region_ds_1.h5")
        #expect(found.bytes == (0..<32).map { $0 % 8 < 4 ? 11 : 12 })
    }

    @Test(arguments: [
        (UInt64(1) << 60, UInt64(64), "but the shard has"), (UInt64.max - 5, 64, "beyond 2^63"),
        (200_064, 64, "overlaps"), (0, 1 << 30, "but the shard has"), (0, 400_000, "cannot have more than"),
    ])
    func impossibleIndicesGiveOneError(offset: UInt64, length: UInt64, message: String) async throws {
        try SmallShards(key: raw, lies: [0: (offset, length)], gap: 100_000).write(job)
        let outcome = try await job.run(manifest([2, 2, 2]))
        let failure = try #require(outcome.failures.first)
        #expect(outcome.failures.count == 1 && failure.stage == .download)
        #expect(failure.reason.contains("c/0/0/0#index: "), "\(failure.reason)")
        #expect(failure.reason.contains(message), "\(failure.reason)")
        #expect(!job.exists("out/hdf5/region_ds_1.h5"))
    }

    @Test func damagedIndicesAreRefused() async throws {
        let shards = SmallShards(key: raw, gap: 100_000)
        try shards.write(job)
        var bytes = shards.shard
        bytes[bytes.count - 20] ^= 1
        try job.write(bytes, "\(raw)/s0/c/0/0/0")
        let outcome = try await job.run(manifest([2, 2, 2]))
        #expect(outcome.failures.count == 1)
        #expect(outcome.failures.first?.reason.contains("#index") == true, "\(outcome.failures)")
    }

    // MARK: Versions

    /// A store that replaces its object after a number of requests, and says so in ETag and size, or in one of them.
    private final class ChangingStore: ObjectStore {
        let url = StoreURL.sample
        let requests = Mutex(0)
        let changesAfter: Int
        let etags: [String?]
        let sizes: [Int]

        init(changesAfter: Int, etags: [String?], sizes: [Int]) {
            (self.changesAfter, self.etags, self.sizes) = (changesAfter, etags, sizes)
        }

        func get(_ key: String, part: ObjectPart, maximumBytes: Int) async throws(StoreError) -> StoredObject? {
            let number = requests.withLock { count in
                count += 1
                return count > changesAfter ? 1 : 0
            }
            guard case .range(let range) = part else {
                return StoredObject(bytes: ByteBuffer(count: 4), etag: etags[number], objectByteCount: sizes[number])
            }
            return StoredObject(
                bytes: ByteBuffer(count: range.count), etag: etags[number], objectByteCount: sizes[number])
        }

        func list(_ prefix: String) async throws(StoreError) -> Listing { Listing() }

        func head(_ key: String) async throws(StoreError) -> HeadAnswer { HeadAnswer(metadata: nil) }
    }

    @Test(arguments: [
        (["a", "b"], [90, 90]), (["a", "a"], [90, 91]), ([nil, nil], [90, 91]), (["a", nil], [90, 80]),
    ])
    func partsOfTwoVersionsAreRefused(etags: [String?], sizes: [Int]) async throws {
        let object = ShardObject(store: ChangingStore(changesAfter: 2, etags: etags, sizes: sizes), key: "k")
        _ = try await object.fetch(.suffix(4))
        _ = try await object.fetch(.range(0..<4))
        await #expect(throws: ShardChange.self) { try await object.fetch(.range(4..<8)) }
    }

    @Test func versionsThatCannotBeToldApartAreAccepted() async throws {
        let store = ChangingStore(changesAfter: 1, etags: ["a", nil], sizes: [90, 90])
        let object = ShardObject(store: store, key: "k")
        _ = try await object.fetch(.suffix(4))
        #expect(try await object.fetch(.range(0..<4))?.bytes.count == 4)
        #expect(object.version == ShardVersion(etag: "a", byteCount: 90))
    }
}
