import Elements
import Foundation
import JSONText
import JobTestSupport
import Ledger
import Synchronization
import TestSupport
import Testing

@testable import Arrays
@testable import Job
@testable import Scheduling

/// What lies half-done or damaged in a state directory, left by this version or an earlier one, and is taken over. One crop whose raw data
/// are in two chunks; or the whole volume, which has a block for the raw image and one for each label.
///
/// What must not be fetched again is taken out of the bucket: it would be missing in the files.
@Suite struct HoldingsTests {
    private static let recon = "ds/ds.zarr/recon-1"
    private static let rawChunks = (0..<2).map { "\(recon)/em/fibsem-uint8/s0/0/0/\($0)" }
    private static let labelChunk = "\(recon)/labels/groundtruth/crop5/mito/s0/0/0/0"
    private static let members: [String: [String: JSONValue]] = [
        "crops": [:], "volumes": ["mode": "volumes", "select": "all"],
    ]
    /// How many bytes are flipped, one at a time, of each kind of state.
    private static let flips = ProcessInfo.processInfo.environment["CRISTAE_FLIPS"].flatMap { Int($0) } ?? 6

    private let job: SmallJob
    private let heard = Heard()

    init() throws {
        job = SmallJob()
        try job.image(
            "\(Self.recon)/em/fibsem-uint8",
            [SmallJob.Level(voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 8], bytes: nil)])
        try rawMetadata()
        for x in 0..<2 { try rawChunk(x) }
        try job.image(
            "\(Self.recon)/labels/groundtruth/crop5/mito",
            [
                SmallJob.Level(
                    voxel: [8, 8, 8], translation: [8, 8, 16], shape: [2, 2, 4],
                    bytes: [0, 1, 1, 0, 0, 2, 255, 2, 0, 1, 1, 0, 0, 2, 255, 2])
            ],
            attributes: SmallJob.instances())
    }

    private func rawMetadata(fill: Int = 0) throws {
        try job.write(
            [
                "zarr_format": 2, "shape": [4, 4, 8], "chunks": [4, 4, 4], "dtype": "|u1", "order": "C",
                "compressor": nil, "filters": nil, "fill_value": .integer(fill), "dimension_separator": "/",
            ], "\(Self.recon)/em/fibsem-uint8/s0/.zarray")
    }

    private func rawChunk(_ x: Int, add: UInt8 = 1) throws {
        try job.write((0..<64).map { UInt8($0) &+ UInt8(64 * x) &+ add }, Self.rawChunks[x])
    }

    private func run(
        _ members: [String: JSONValue] = [:], refresh: Bool = false, stages: Set<Stage> = Set(Stage.allCases),
        scratch: String? = nil
    ) async throws -> Runner.Outcome {
        let heard = heard
        heard.new()
        return try await job.run(members, refresh: refresh, stages: stages, scratch: scratch) { line in
            heard.add(line)
        }
    }

    private func download(_ members: [String: JSONValue] = [:], scratch: String? = nil) async throws {
        // Objects of the same second as the first answer would be asked for again whenever their pack is opened.
        let second = Date().timeIntervalSince1970.truncatingRemainder(dividingBy: 1)
        try await Task.sleep(for: .seconds(1.05 - second))
        let outcome = try await run(members, stages: [.discover, .download], scratch: scratch)
        try #require(outcome.failures == [])
    }

    /// How often it was said that something heals.
    private var healings: [String] {
        heard.all.filter { $0.contains("again") || $0.contains("anew") }
    }

    private var state: ConfinedFolder { get throws { try ConfinedFolder(creating: "\(job.folder)/state") } }

    private func packs() throws -> [String] {
        try state.list("packs").filter { $0.hasSuffix(".zip") }.map { "packs/\($0)" }
    }

    private func flip(_ file: String, at place: Int) throws {
        var bytes = try #require(try state.read(file))
        bytes[place] ^= 0x20
        try state.write(bytes, to: file)
    }

    private func place(of text: [UInt8], in file: String) throws -> Int { try #require(try search(text, in: file)) }

    private func search(_ text: [UInt8], in file: String) throws -> Int? {
        let bytes = try #require(try state.read(file))
        return (0...(bytes.count - text.count)).first { bytes[$0..<($0 + text.count)].elementsEqual(text) }
    }

    private func removeFromBucket(_ keys: [String]) throws {
        for key in keys { try FileManager.default.removeItem(atPath: "\(job.folder)/bucket/\(key)") }
    }

    // MARK: Damage of what is closed

    @Test(arguments: [nil, "scratch"]) func aDamagedObjectIsFetchedAgainAlone(scratch: String?) async throws {
        let clean = try await job.cleanFiles()
        let place = scratch.map { "\(job.folder)/\($0)" }
        try await download(scratch: place)
        let folder =
            try place.map { place in
                let names = try FileManager.default.contentsOfDirectory(atPath: place)
                return try ConfinedFolder(creating: "\(place)/\(names[0])")
            } ?? state
        let pack = "packs/\(try #require(try folder.list("packs").first { $0.hasSuffix(".zip") }))"
        var bytes = try #require(try folder.read(pack))
        let chunk = (0..<64).map { UInt8($0) + 65 }
        let start = try #require((0..<(bytes.count - 64)).first { bytes[$0..<($0 + 64)].elementsEqual(chunk) })
        bytes[start + 5] ^= 1
        try folder.write(bytes, to: pack)
        try removeFromBucket([Self.rawChunks[0], Self.labelChunk])
        let outcome = try await run(scratch: place)
        #expect(outcome.exitCode == 0 && outcome.done == 1)
        #expect(healings.count == 1 && healings[0].contains("1 damaged objects are fetched again"), "\(healings)")
        #expect(try job.files() == clean)
    }

    /// What a closed pack's directory and journal say is compared with the record of the download.
    @Test func aPackThatIsNotTheRecordedOneIsMadeAnew() async throws {
        let clean = try await job.cleanFiles()
        try await download()
        let pack = try packs()[0]
        let other = try Holdings(in: state).pack(pack)
        try other.forget { $0 == Self.rawChunks[1] }
        try other.append(Self.rawChunks[1], ByteBuffer([UInt8](repeating: 7, count: 64)), version: "64 - x")
        try other.close()
        let outcome = try await run()
        #expect(outcome.exitCode == 0)
        #expect(healings.count == 1, "\(healings)")
        #expect(try job.files() == clean)
    }

    @Test func damageThatDoesNotHealEnds() async throws {
        try await download()
        // The chunk cannot be had any more, and the pack has lost it.
        let pack = try packs()[0]
        try flip(pack, at: try place(of: (0..<64).map { UInt8($0) + 65 }, in: pack) + 5)
        let chunk = "\(job.folder)/bucket/\(Self.rawChunks[1])"
        try FileManager.default.removeItem(atPath: chunk)
        try FileManager.default.createDirectory(atPath: "\(chunk)/x", withIntermediateDirectories: true)
        let outcome = try await run(["limits": ["max_attempts": 1]])
        #expect(outcome.exitCode == 1 || outcome.exitCode == 0)
        #expect(healings.count <= HoldingsDamage.maximumHealings + 1, "\(healings)")
    }

    @Test func aDamagedBlockOfAVolumeIsMadeAnewAlone() async throws {
        let members = try #require(Self.members["volumes"]).merging(["convert": ["compression": "none"]]) { $1 }
        let clean = try await job.cleanFiles(members)
        try await download(members)
        let log = try #require(
            try state.list("volumes").first { $0.contains(".chunks.1-") && !$0.hasSuffix(".versions") })
        // Of the label, which is in the last block.
        try flip("volumes/\(log)", at: try place(of: [0, 2, 255, 2], in: "volumes/\(log)") + 1)
        try removeFromBucket(Self.rawChunks)
        let outcome = try await run(members)
        #expect(outcome.exitCode == 0 && outcome.done == 1)
        #expect(healings.contains { $0.contains("1 blocks are made anew") }, "\(healings)")
        #expect(try job.files() == clean)
    }

    /// A log whose source has changed since does not get a block of another state.
    @Test func aChangedBlockIsNotMixedIn() async throws {
        let members = try #require(Self.members["volumes"])
        try await download(members)
        let log = try #require(
            try state.list("volumes").first { $0.contains(".chunks.1-") && !$0.hasSuffix(".versions") })
        try flip("volumes/\(log)", at: 60)
        for x in 0..<2 { try rawChunk(x, add: 9) }
        let clean = try await job.cleanFiles(members)
        let outcome = try await run(members)
        #expect(outcome.exitCode == 0)
        #expect(try job.files() == clean)
    }

    /// A pack of a block is kept, and damaged; the log with the other block is not given up for it.
    @Test func aDamagedPackOfABlockCostsItsObjectsAlone() async throws {
        let members = try #require(Self.members["volumes"]).merging([
            "convert": ["keep_packs": true, "compression": "none"]
        ]) { $1 }
        let clean = try await job.cleanFiles(members)
        try await download(members)
        let log = try #require(
            try state.list("volumes").first { $0.contains(".chunks.1-") && !$0.hasSuffix(".versions") })
        try flip("volumes/\(log)", at: try place(of: (0..<4).map { UInt8($0) + 65 }, in: "volumes/\(log)"))
        for pack in try packs() {
            guard let start = try search((0..<64).map { UInt8($0) + 65 }, in: pack) else { continue }
            try flip(pack, at: start + 3)
        }
        try removeFromBucket([Self.rawChunks[0], Self.labelChunk])
        let outcome = try await run(members)
        #expect(outcome.exitCode == 0)
        #expect(healings.contains { $0.contains("1 damaged objects are fetched again") }, "\(healings)")
        #expect(try job.files() == clean)
        for pack in try packs() { #expect(try Holdings(in: state).pack(pack).forgetDamaged() == 0) }
    }

    /// A process that was killed while it resized a volume, whose log was damaged since.
    @Test func flippedBytesHeal() async throws {
        for (mode, members) in Self.members.sorted(by: { $0.key < $1.key }) {
            let members = members.merging(["convert": ["keep_packs": true]]) { $1 }
            let clean = try await job.cleanFiles(members)
            try await download(members)
            let whole = try job.files("state")
            for isHalf in [false, true] {
                var random = Counter(seed: isHalf ? 7 : 8)
                for _ in 0..<Self.flips {
                    try? FileManager.default.removeItem(atPath: "\(job.folder)/state")
                    try? FileManager.default.removeItem(atPath: "\(job.folder)/out")
                    for (name, bytes) in whole { try state.write(bytes, to: name) }
                    if isHalf { try halve() }
                    let files = try job.files("state").filter {
                        ($0.key.hasPrefix("packs/") || $0.key.hasPrefix("volumes/")) && !$0.value.isEmpty
                    }.sorted { $0.key < $1.key }
                    let (name, bytes) = files[random.next(files.count)]
                    let place = random.next(bytes.count)
                    try flip(name, at: place)
                    let outcome = try await run(members)
                    #expect(outcome.exitCode == 0, "\(mode): \(name) at \(place), half: \(isHalf): \(outcome.failures)")
                    #expect(try job.files() == clean, "\(mode): \(name) at \(place), half: \(isHalf)")
                }
            }
            for folder in ["state", "out"] { try FileManager.default.removeItem(atPath: "\(job.folder)/\(folder)") }
        }
    }

    private struct Counter {
        var seed: UInt64
        mutating func next(_ count: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(seed >> 33) % count
        }
    }

    /// Makes of what was downloaded what a kill leaves: no record, and packs that are under way, with a torn tail.
    private func halve() throws {
        for item in try state.list("records") { try state.remove("records/\(item)/download.json") }
        for pack in try packs() {
            let (zip, journal) = (try #require(try state.read(pack)), try #require(try state.read(pack + ".absent")))
            try state.remove(pack)
            try state.remove(pack + ".absent")
            try state.write(zip[..<(zip.count * 2 / 3)], to: "\(pack).parts/old.zip")
            try state.write(journal, to: "\(pack).parts/old.absent")
        }
    }

    // MARK: What earlier versions have left

    /// Lines without the one of the owner.
    private func withoutOwner(_ journal: [UInt8]) -> [UInt8] {
        journal.split(separator: UInt8(ascii: "\n")).filter {
            !String(decoding: $0, as: UTF8.self).contains("\towner ")
        }
        .flatMap { $0 + [UInt8(ascii: "\n")] }
    }

    /// A pack as it was before packs had owners: closed, or killed with a torn tail.
    @Test(arguments: [true, false]) func packsOfEarlierVersionsAreTakenOver(isClosed: Bool) async throws {
        let clean = try await job.cleanFiles()
        try await download()
        let pack = try packs()[0]
        try state.write(withoutOwner(try #require(try state.read(pack + ".absent"))), to: pack + ".absent")
        if isClosed {
            try removeFromBucket(Self.rawChunks + [Self.labelChunk])
        } else {
            let zip = try #require(try state.read(pack))
            let cut = try place(of: (0..<64).map { UInt8($0) + 65 }, in: pack) + 20
            try state.write(zip[..<cut], to: pack)
            try state.remove("records/crop_5/download.json")
            // What stands before the torn entry is not fetched again.
            // The chunks come in any order: the other one may have been cut off, too.
            if try search((0..<64).map { UInt8($0) + 1 }, in: pack) != nil { try removeFromBucket([Self.rawChunks[0]]) }
        }
        let outcome = try await run()
        #expect(outcome.exitCode == 0 && outcome.done == 1)
        #expect(healings == [])
        #expect(try job.files() == clean)
    }

    /// A volume's log as it was before logs had owners: finished, or killed after its first block.
    @Test func logsOfEarlierVersionsAreTakenOver() async throws {
        let members = try #require(Self.members["volumes"])
        let clean = try await job.cleanFiles(members)
        try await download(members)
        let path = "volumes/ds.chunks"
        let text = try #require(try state.read(path + ".json"))
        let end = try #require(text.firstIndex(of: UInt8(ascii: "\n")))
        var checkpoint = try JSONFile.decode(ChunkLog.Checkpoint.self, from: Array(text[(end + 1)...]))
        for (pieces, name) in [(checkpoint.pieces, path), (checkpoint.versionPieces, path + ".versions")] {
            var bytes: [UInt8] = []
            for piece in pieces ?? [] {
                bytes += try #require(try state.read(piece.file))[piece.start..<(piece.start + piece.count)]
                try state.remove(piece.file)
            }
            try state.write(bytes + [1, 2, 3], to: name)
        }
        (checkpoint.pieces, checkpoint.versionPieces, checkpoint.generation) = (nil, nil, nil)
        try state.write(try JSONFile.encode(checkpoint), to: path + ".json")
        try state.remove("records/ds/download.json")
        try removeFromBucket(Self.rawChunks + [Self.labelChunk])
        let outcome = try await run(members)
        #expect(outcome.exitCode == 0 && outcome.done == 1, "\(outcome.failures)")
        #expect(try job.files() == clean)
        #expect(try state.list("volumes") == [])
    }

    // MARK: What has changed meanwhile

    /// Takes the last of an item's objects out of its pack, as if the process had been killed before.
    ///
    /// - Parameter hidesChanges: as if new objects had old times, so that these do not tell that something has changed: a copy may keep them.
    private func forgetRaw(_ x: Int, hidesChanges: Bool = true) throws {
        try state.remove("records/crop_5/download.json")
        let pack = try Holdings(in: state).pack(try packs()[0])
        try pack.forget { $0 == Self.rawChunks[x] }
        if hidesChanges { try pack.noteBegan(4_000_000_000, insteadOfEarlier: true) }
    }

    /// Changes both raw chunks, a second before anything is asked of the store again.
    private func changeRaw() async throws {
        for x in 0..<2 { try rawChunk(x, add: 20) }
        try await Task.sleep(for: .milliseconds(1100))
    }

    @Test func aHalfFilledPackOfAChangedSourceEqualsACleanRun() async throws {
        try await download()
        try forgetRaw(1)
        try await changeRaw()
        let outcome = try await run(refresh: true)
        #expect(outcome.exitCode == 0)
        #expect(try job.files() == (try await job.cleanFiles()))
    }

    /// Other metadata in the plan say that the rest of the pack is of another state, too.
    @Test func aHalfFilledPackWithOtherMetadataIsLookedAt() async throws {
        try await download()
        try forgetRaw(1)
        for folder in ["plans", "metadata"] {
            try? FileManager.default.removeItem(atPath: "\(job.folder)/state/\(folder)")
        }
        try rawMetadata(fill: 3)
        try await changeRaw()
        let outcome = try await run()
        #expect(outcome.exitCode == 0, "\(outcome.failures)")
        #expect(try job.files() == (try await job.cleanFiles()))
    }

    /// The metadata that the item was planned with are not in the store any more: nothing is made of them and of new chunks together.
    @Test func aHalfFilledPackOfAnotherPlanFailsItsItem() async throws {
        try await download()
        try forgetRaw(1, hidesChanges: false)
        try rawMetadata(fill: 3)
        try rawChunk(1, add: 20)
        let outcome = try await run()
        #expect(outcome.exitCode == 1)
        let reason = outcome.failures.first?.reason ?? ""
        #expect(reason.contains("s0/.zarray is not what it was when the item was planned"), "\(outcome.failures)")
        #expect(!job.exists("out/hdf5/crop_5.h5"))
        #expect(try await run(refresh: true).exitCode == 0)
        #expect(try job.files() == (try await job.cleanFiles()))
    }

    /// Killed after the file was made anew, before what is told of it was.
    @Test func aKillAfterConvertLeavesNoOldStatistics() async throws {
        _ = try await run()
        try rawChunk(0, add: 40)
        let first = try await run(refresh: true, stages: [.discover, .download, .convert])
        #expect(first.failures == [])
        let outcome = try await run()
        #expect(outcome.exitCode == 0 && outcome.done == 1)
        #expect(try job.files() == (try await job.cleanFiles()))
    }

    /// A shard that was stored whole: what is in it is compared with the CRC of all of it.
    @Test func aDamagedWholeShardHeals() async throws {
        let raw = "ds/ds.zarr/recon-1/em/fibsem-uint8"
        let job = SmallJob()
        let members: [String: JSONValue] = [
            "select": "all",
            "regions": [["dataset": "ds", "offset_nm": [-4, -4, -4], "shape_nm": [16, 16, 64]]],
        ]
        try SmallShards(key: raw).write(job)
        let clean = try await job.cleanFiles(members)
        _ = try await job.run(members, stages: [.discover, .download])
        let folder = try ConfinedFolder(creating: "\(job.folder)/state")
        let pack = "packs/\(try #require(try folder.list("packs").first { $0.hasSuffix(".zip") }))"
        try #require(try Holdings(in: folder).closedPack(pack).summary("\(raw)/s0/c/0/0/0") != nil)
        var bytes = try #require(try folder.read(pack))
        let start = try #require(
            (0..<bytes.count - 64).first { bytes[$0..<($0 + 64)].elementsEqual([UInt8](repeating: 2, count: 64)) })
        bytes[start + 9] ^= 1
        try folder.write(bytes, to: pack)
        let outcome = try await job.run(members)
        #expect(outcome.exitCode == 0)
        #expect(try job.files() == clean)
    }

    /// A shard that is replaced between two runs: its parts are begun anew, wherever the pack lies.
    @Test(arguments: [nil, "scratch"]) func aShardThatChangesIsBegunAnew(scratch: String?) async throws {
        let job = SmallJob()
        let place = scratch.map { "\(job.folder)/\($0)" }
        let raw = "ds/ds.zarr/recon-1/em/fibsem-uint8"
        let members: [String: JSONValue] = [
            "select": "all",
            "regions": [["dataset": "ds", "offset_nm": [-4, -4, -4], "shape_nm": [16, 16, 64]]],
        ]
        try SmallShards(key: raw, gap: 200_000).write(job)
        let first = try await job.run(members, stages: [.discover, .download], scratch: place)
        try #require(first.failures == [])
        let folder = try ConfinedFolder(creating: "\(job.folder)/state")
        let packs =
            try place.map {
                try ConfinedFolder(creating: "\($0)/\(try FileManager.default.contentsOfDirectory(atPath: $0)[0])")
            } ?? folder
        try folder.remove("records/region_ds_1/download.json")
        let name = try #require(try packs.list("packs").first { $0.hasSuffix(".zip") })
        try Holdings(in: packs).pack("packs/\(name)").forget { $0.hasSuffix("#0/0/1") }
        try SmallShards(key: raw, values: [11, 12, 13, 14, 15, 16, 17, 18], gap: 200_000).write(job)
        let outcome = try await job.run(members, scratch: place)
        #expect(outcome.failures == [])
        let found = try await job.dataset("/raw_crop", of: "hdf5/region_ds_1.h5")
        #expect(found.bytes == (0..<32).map { $0 % 8 < 4 ? 11 : 12 })
    }
}
