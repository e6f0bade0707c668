import Foundation
import JSONText
import JobTestSupport
import Testing

@testable import Manifest
@testable import Scheduling
@testable import Summaries

/// Each key of the manifest, changed on a finished job: what comes out is what a run from nothing gives, down to the last file.
@Suite struct ManifestChangeTests {
    private let job: SmallJob

    /// A change of one key.
    struct Change: Sendable {
        enum Effect {
            /// Other files come out.
            case files
            /// The files stay as they are; not one is written again.
            case none
            /// The same, but for the text that says what they were made from.
            case provenance
            /// The key has one value, so that there is nothing to change yet.
            case onlyValue
        }

        var base: [String: JSONValue] = [:]
        var changed: [String: JSONValue] = [:]
        var effect = Effect.files
    }

    private static let region: [String: JSONValue] = [
        "dataset": "ds", "offset_nm": [12, 12, 12], "shape_nm": [16, 16, 16],
    ]
    private static func regions(_ key: String, _ value: JSONValue) -> Change {
        Change(
            base: ["datasets": ["ds", "two"], "regions": [.object(region)]],
            changed: ["regions": [.object(region.merging([key: value]) { $1 })]])
    }

    /// Arrays that say nothing of where they lie.
    private static let grid: [String: JSONValue] = [
        "dataset": "plain", "path": "volumes/raw", "voxel_size_nm": [8, 8, 8], "translation_nm": [0, 0, 0],
    ]
    private static let labelGrid: [String: JSONValue] = [
        "dataset": "plain", "path": "volumes/label", "class": "mito", "voxel_size_nm": [8, 8, 8],
        "translation_nm": [0, 0, 0],
    ]
    private static func grids(_ key: String, _ raw: JSONValue?, label: JSONValue? = nil) -> Change {
        let base: [String: JSONValue] = [
            "datasets": ["plain", "flat"], "mode": "volumes", "grids": [.object(grid), .object(labelGrid)],
        ]
        let changed = [(grid, raw), (labelGrid, label)].map { members, value in
            value.map { members.merging([key: $0]) { $1 } } ?? members
        }
        return Change(base: base, changed: ["grids": .array(changed.map { .object($0) })])
    }

    private static func derive(_ key: String, _ value: JSONValue) -> Change {
        let rule: [String: JSONValue] = ["from": "all", "ids": [3, 4], "instances": true]
        return Change(
            base: ["classes": ["cell"], "derive": ["cell": .object(rule)]],
            changed: ["derive": ["cell": .object(rule.merging([key: value]) { $1 })]])
    }

    private static func limit(_ key: String, _ value: JSONValue) -> Change {
        Change(changed: ["limits": [key: value]], effect: .none)
    }

    private static let changes: [String: Change] = [
        "anonymous": Change(changed: ["anonymous": true], effect: .none),
        "classes": Change(changed: ["classes": ["mito", "nuc"]]),
        "convert.compression": Change(changed: ["convert": ["compression": "zstd"]]),
        "convert.keep_native": Change(changed: ["convert": ["keep_native": false]]),
        "convert.keep_packs": Change(changed: ["convert": ["keep_packs": true]], effect: .provenance),
        "datasets": Change(base: ["datasets": ["ds", "two"]], changed: ["datasets": ["two"]]),
        "derive": Change(changed: ["derive": [:]]),
        "derive.from": derive("from", "nuc"),
        "derive.ids": derive("ids", [3, 35]),
        "derive.instances": derive("instances", false),
        "endpoint": Change(changed: ["endpoint": "http://127.0.0.1:9"], effect: .none),
        "grids": grids("translation_nm", [0, 0, 16]),
        "grids.axes": grids("axes", nil, label: "xyz"),
        "grids.class": grids("class", nil, label: "nuc"),
        "grids.dataset": grids("dataset", "flat", label: "flat"),
        "grids.path": grids("path", "volumes/other"),
        "grids.translation_nm": grids("translation_nm", nil, label: [8, 8, 0]),
        "grids.voxel_size_nm": grids("voxel_size_nm", [8, 8, 16]),
        "job": Change(changed: ["job": "another"], effect: .provenance),
        "levels": Change(base: ["target_nm": 16], changed: ["levels": "finest"]),
        "limits.bandwidth": limit("bandwidth", "1GB/s"),
        "limits.claim_seconds": limit("claim_seconds", 7),
        "limits.connections": limit("connections", 3),
        "limits.max_attempts": limit("max_attempts", 2),
        "limits.memory": limit("memory", "256MiB"),
        "limits.outage": limit("outage", 60),
        "lists": Change(changed: ["lists": ["ds": "list"]]),
        "mode": Change(changed: ["mode": "volumes"]),
        "only": Change(changed: ["only": ["crop_6"]], effect: .none),
        "output": Change(changed: ["output": "out2"]),
        "padding_nm": Change(changed: ["padding_nm": 8]),
        "regions": Change(changed: ["regions": [.object(region)]]),
        "regions.dataset": regions("dataset", "two"),
        "regions.offset_nm": regions("offset_nm", [4, 12, 12]),
        "regions.shape_nm": regions("shape_nm", [16, 16, 24]),
        "resize.grid": Change(base: ["target_nm": 12], changed: ["resize": ["grid": "power_of_two"]]),
        "resize.labels": Change(effect: .onlyValue),
        "resize.max_upsampling": Change(base: ["target_nm": 5], changed: ["resize": ["max_upsampling": 1]]),
        "resize.raw": Change(effect: .onlyValue),
        "select": Change(base: ["datasets": ["ds", "bare"]], changed: ["select": "all"]),
        "source": Change(changed: ["source": "bucket2"]),
        "split": Change(changed: ["split": ["validation": 0.5]]),
        "state": Change(changed: ["state": "state2"], effect: .none),
        "target_nm": Change(changed: ["target_nm": 16]),
        "tolerance": Change(base: ["target_nm": 12], changed: ["tolerance": 0.1]),
    ]

    /// Every key of the manifest, as the parser knows it.
    static let keys: [String] = {
        func all<Owner>(_ object: ManifestObject<Owner>, below name: String) -> [String] {
            object.keys.map { "\(name).\($0.name)" }
        }
        return Manifest.keys.keys.map(\.name).filter { !["convert", "resize", "limits"].contains($0) }
            + all(Manifest.Convert.keys, below: "convert") + all(Manifest.Resize.keys, below: "resize")
            + all(Manifest.Limits.keys, below: "limits") + all(Manifest.Region.keys, below: "regions")
            + all(Manifest.ArrayGrid.keys, below: "grids") + all(Manifest.DeriveRule.keys, below: "derive")
    }()

    init() throws {
        job = SmallJob()
        try bucket("bucket", add: 0)
        try bucket("bucket2", add: 1)

        let keys = ["em/fibsem-uint8", "labels/groundtruth/crop5/mito", "labels/groundtruth/crop5/all"].flatMap {
            image in
            ["/.zattrs", "/.zgroup", "/s0", "/s0/.zarray", "/s1", "/s1/.zarray"].map {
                "ds/ds.zarr/recon-1/\(image)\($0)"
            }
        }
        try job.write(Array(keys.map { "\($0)\t\($0)\n" }.joined().utf8), "../list")
    }

    // MARK: The bucket

    private static func voxels(_ edge: Int, _ add: Int) -> [UInt8] {
        (0..<edge * edge * edge).map { UInt8(truncatingIfNeeded: $0 / 7 + $0 * $0 % 23 + add) }
    }

    private static func labels(_ edge: Int, _ values: [UInt8]) -> [UInt8] {
        (0..<edge * edge * edge).map { values[($0 + $0 / edge + $0 / (edge * edge)) % values.count] }
    }

    private func image(_ key: String, edge: Int, at start: Double, _ bytes: (Int) -> [UInt8]) throws {
        try job.image(
            key,
            [1, 2].map { factor in
                let (voxel, edge) = (8 * Double(factor), edge / factor)
                let first = start + (voxel - 8) / 2
                return SmallJob.Level(
                    voxel: [voxel, voxel, voxel], translation: [first, first, first], shape: [edge, edge, edge],
                    bytes: bytes(edge))
            }, attributes: key.contains("labels") ? SmallJob.instances() : [:])
    }

    private func bucket(_ name: String, add: Int) throws {
        for dataset in ["ds", "two", "bare"] {
            let recon = "../\(name)/\(dataset)/\(dataset).zarr/recon-1"
            try image("\(recon)/em/fibsem-uint8", edge: 8, at: 0) { Self.voxels($0, add + dataset.utf8.count) }
            let crops = dataset == "ds" ? [5, 6] : dataset == "two" ? [7] : []
            for crop in crops {
                let labels = "\(recon)/labels/groundtruth/crop\(crop)"
                if crop != 6 { try image("\(labels)/mito", edge: 4, at: 16) { Self.labels($0, [0, 1, 1, 0, 2]) } }
                try image("\(labels)/all", edge: 4, at: 16) { Self.labels($0, [3, 35, 35, 4, 0]) }
                try image("\(labels)/nuc", edge: 4, at: 16) { Self.labels($0, [3, 0, 4]) }
            }
        }
        for dataset in ["plain", "flat"] {
            let root = "../\(name)/\(dataset)/\(dataset).n5/volumes"
            try array("\(root)/raw", Self.voxels(4, add))
            try array("\(root)/other", Self.voxels(4, add + 9))
            try array("\(root)/label", Self.labels(4, [0, 1, 2]))
        }
    }

    /// An N5 array of 4³ voxels in one block, which does not say where it lies.
    private func array(_ key: String, _ bytes: [UInt8]) throws {
        try job.write(
            [
                "dimensions": [4, 4, 4], "blockSize": [4, 4, 4], "dataType": "uint8", "compression": ["type": "raw"],
            ], "\(key)/attributes.json")
        try job.write([0, 0, 0, 3] + (0..<3).flatMap { _ in [0, 0, 0, 4] as [UInt8] } + bytes, "\(key)/0/0/0")
    }

    // MARK: The test

    @Test(arguments: keys)
    func aChangedKeyGivesWhatARunFromNothingGives(key: String) async throws {
        let change = try #require(
            Self.changes[key], "\(key) has no case: what does a change of it do to a finished job?")
        guard change.effect != .onlyValue else {
            #expect(Manifest.Resize.RawRule.allCases.count == 1 && Manifest.Resize.LabelRule.allCases.count == 1)
            return
        }
        let base = ["datasets": ["ds"]].merging(change.base) { $1 }
        let changed = base.merging(change.changed) { $1 }
        #expect(try await job.run(base).exitCode == 0)
        let (before, stamps) = (try job.files(), try job.stamps())
        #expect(before.keys.contains { $0.hasPrefix("crops/") })

        // A state of its own is another job.
        let adopts = key == "state"
        let outcome = try await job.run(changed, options: Runner.Options(adoptsOutput: adopts))
        let clean = try await job.run(changed.merging(["output": "clean", "state": "clean-state"]) { $1 })
        #expect(Set(outcome.failures) == Set(clean.failures))
        if change.effect == .none {
            #expect(outcome.exitCode == 0)
            if key != "state" { #expect(try job.written(since: stamps) == []) }
            #expect(try job.files() == before)
            return
        }
        if change.effect == .provenance {
            #expect(outcome.exitCode == 0)
            #expect(try job.written(since: stamps) == [Provenance.path])
            #expect(try job.files() == job.files("clean"))
            return
        }
        // What the first manifest has left is not told of, and can be told apart.
        let folder = key == "output" ? "out2" : "out"
        for text in try job.files("clean") where text.key.hasPrefix("txt/") && text.key != "txt/data.json" {
            #expect(try job.files(folder)[text.key] == text.value, "\(text.key)")
        }
        _ = try await job.pruned(changed, deleting: true)
        var (files, expected) = (try job.files(folder), try job.files("clean"))
        // Datasets that were seen before are told of, too.
        files["txt/data.json"] = nil
        expected["txt/data.json"] = nil
        #expect(Set(files.keys) == Set(expected.keys))
        for (name, bytes) in expected { #expect(files[name] == bytes, "\(name)") }
        if key != "output" {
            #expect(files != before.filter { $0.key != "txt/data.json" }, "the change changes nothing")
        }
        #expect(try await job.bad(changed) == [])
        // Once done is done.
        let after = try job.stamps()
        _ = try await job.run(changed)
        #expect(try job.written(since: after) == [])
    }
}
