import Foundation
import JSONText
import JobTestSupport
import Scheduling
import Synchronization
import Testing

@testable import Arrays
@testable import Job
@testable import Report

/// What the manifest names and the store does not have ends the job (78), before anything is fetched.
@Suite struct MatchTests {
    private let job: SmallJob

    /// Two datasets: `ds` has crop 5 (mito, nucleus) and crop 6 (all), `other` has crop 7 (ecs).
    init() throws {
        job = SmallJob()
        for dataset in ["ds", "other"] {
            try job.image(
                "\(dataset)/\(dataset).zarr/recon-1/em/fibsem-uint8",
                [SmallJob.Level(voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4])])
        }
        try label("ds", 5, "mito")
        try label("ds", 5, "nucleus")
        try label("ds", 6, "all", [3, 3, 3, 3, 50, 3, 3, 3])
        try label("other", 7, "ecs")
    }

    private func label(
        _ dataset: String, _ crop: Int, _ name: String, _ bytes: [UInt8] = [1, 1, 1, 1, 0, 0, 0, 0]
    ) throws {
        try job.image(
            "\(dataset)/\(dataset).zarr/recon-1/labels/groundtruth/crop\(crop)/\(name)",
            [SmallJob.Level(voxel: [8, 8, 8], translation: [8, 8, 8], shape: [2, 2, 2], bytes: bytes)])
    }

    private func refusal(_ members: [String: JSONValue], share: TaskShare? = nil, stages: Set<Stage>? = nil)
        async throws
        -> String
    {
        var text = ""
        do {
            let outcome = try await job.run(members, share: share, stages: stages ?? Set(Stage.allCases))
            Issue.record("exit \(outcome.exitCode), \(outcome.items) items")
        } catch let error as JobError {
            #expect(error.exitCode == 78)
            text = error.description
        }
        #expect(!text.contains("\n"))
        #expect(!job.exists("out/hdf5"))
        return text
    }

    struct Mistake: CustomTestStringConvertible, Sendable {
        let members: [String: JSONValue]
        let mentions: [String]
        var testDescription: String { "\(members)" }

        init(_ members: [String: JSONValue], _ mentions: String...) {
            self.members = members
            self.mentions = mentions
        }
    }

    private static let region: JSONValue = ["dataset": "orther", "offset_nm": [0, 0, 0], "shape_nm": [16, 16, 16]]
    private static let grid: JSONValue = [
        "dataset": "ds", "path": "recon-1/em/nothing", "voxel_size_nm": 8, "translation_nm": [0, 0, 0],
    ]

    static let mistakes = [
        Mistake(["classes": ["mitochondria"]], "$.classes[0]", #"did you mean "mito""#, "ecs"),
        Mistake(["classes": ["mito", "nucleus_x"]], "$.classes[1]", #"did you mean "nucleus""#),
        Mistake(["classes": ["er"], "derive": [:]], "$.classes[0]", "classes: all, ecs, mito, nucleus"),
        // One that could be derived, if its source were there.
        Mistake(
            ["classes": ["er"], "derive": ["er": ["from": "every", "ids": [1]]]], "$.classes[0]", "no dataset has"),
        Mistake(["datasets": ["other"], "classes": ["mito"]], "$.classes[0]", "classes: ecs"),
        Mistake(["only": ["crop_999"]], "only[0]", #""crop_999""#, "items: crop_5, crop_6"),
        Mistake(["only": ["crop_5", "ds/crop_55"]], "only[1]", #"did you mean "ds/crop_5""#),
        Mistake(["only": ["oths/*"]], "only[0]"),
        Mistake(["datasets": ["nomatch*"]], "$.datasets[0]", "ds, other"),
        Mistake(["datasets": ["*", "ohter"]], "$.datasets[1]", #"did you mean "other""#),
        Mistake(["datasets": ["ds", "dz", "x*"]], "$.datasets[1]", "$.datasets[2]", #"did you mean "ds""#),
        Mistake(["regions": [region]], "$.regions[0].dataset", #"did you mean "other""#),
        Mistake(["grids": [grid]], "$.grids[0].path", "recon-1/em/nothing"),
        Mistake(["select": "all", "mode": "volumes", "derive": [:], "only": ["crop_5"]], "only[0]"),
    ]

    @Test(arguments: mistakes) func whatMatchesNothingIsAMistake(mistake: Mistake) async throws {
        for stages in [Set(Stage.allCases), [.discover]] {
            let text = try await refusal(mistake.members, stages: stages)
            for mention in mistake.mentions { #expect(text.contains(mention), "\(text)") }
        }
        var manifest: [String: JSONValue] = ["source": "bucket", "datasets": ["*"]]
        manifest.merge(mistake.members) { $1 }
        let context = try job.context(manifest)
        await #expect(throws: JobError.self) { try await PlanReport(context) }
    }

    /// A task that plans nothing itself says the same.
    @Test func eachTaskComesToTheSameVerdict() async throws {
        let members: [String: JSONValue] = ["classes": ["nucleus", "nucleolus"]]
        let texts = try await [0, 1, 2].asyncMap { index in
            try await refusal(members, share: TaskShare(index: index, count: 3))
        }
        #expect(Set(texts).count == 1)
        #expect(texts[0].contains("$.classes[1]"))
    }

    static let right: [[String: JSONValue]] = [
        ["classes": ["mito"]],
        ["classes": ["*"], "derive": [:]],
        // Each class is in one of the datasets; `all` is only what another one is made from.
        ["classes": ["nucleus", "ecs", "all"]],
        ["classes": ["er"], "derive": ["er": ["from": "all", "ids": [50]]]],
        ["datasets": ["d?", "other"]],
        ["only": ["crop_5"]],
        ["only": ["crop_*"]],
        ["only": ["d*/crop_[56]"]],
        // Items that are left out because they have none of the classes, and a dataset that has only such.
        ["only": ["crop_7"]],
        ["only": ["other/*"]],
        ["datasets": ["other"], "classes": ["ecs"]],
        // The default asks for mito, and nobody has named it.
        ["datasets": ["other"]],
    ]

    @Test(arguments: right) func whatMatchesSomethingIsRight(members: [String: JSONValue]) async throws {
        let outcome = try await job.run(members)
        #expect(outcome.exitCode == 0)
        #expect(outcome.failures == [])
    }

    @Test func anEmptyStoreMatchesNothing() async throws {
        let empty = SmallJob()
        try FileManager.default.createDirectory(atPath: "\(empty.folder)/bucket", withIntermediateDirectories: true)
        let error = await #expect(throws: JobError.self) { try await empty.run() }
        #expect(error?.exitCode == 78)
        #expect(error?.description.contains("$.datasets[0]") == true)
    }

    /// Where one dataset cannot be read, nobody knows what it holds: the rest is done, exit 1.
    @Test func nothingIsJudgedBesideADatasetThatCannotBeRead() async throws {
        try job.makeLoop("other/other.zarr/recon-1/em")
        let outcome = try await job.run(["classes": ["mito", "nucleus_x"], "datasets": ["ds", "other", "dz"]])
        #expect(outcome.exitCode == 1)
        #expect(outcome.failures.map(\.dataset) == ["dz", "other"])
        #expect(job.exists("out/crops/crop_5.h5"))
        let failed = try JSONValue(parsing: try job.text("state/failed.json").utf8)
        #expect(failed["only"] == ["dz/*", "other/*"])
    }

    /// What an earlier run has made of something that has gone since is warned of.
    @Test func whatWasThereOnceIsWarnedOf() async throws {
        #expect(try await job.run(["classes": ["mito", "nucleus", "ecs"]]).exitCode == 0)
        try FileManager.default.removeItem(
            atPath: "\(job.folder)/bucket/ds/ds.zarr/recon-1/labels/groundtruth/crop5")
        try FileManager.default.removeItem(atPath: "\(job.folder)/bucket/other")
        let heard = Mutex<[String]>([])
        let outcome = try await job.run(
            [
                "classes": ["mito", "nucleus", "ecs"], "datasets": ["ds", "oth*"],
                "only": ["crop_5", "crop_6", "crop_7"],
            ],
            refresh: true
        ) { line in heard.withLock { $0.append(line) } }
        #expect(outcome.exitCode == 0)
        let lines = heard.withLock { $0 }
        for what in [
            "$.datasets[1]: \"oth*\"", "$.classes[1]: \"nucleus\"", "$.classes[2]: \"ecs\"", "only[0]: \"crop_5\"",
        ] {
            #expect(lines.contains { $0.hasPrefix("warning: \(what)") }, "\(lines)")
        }
    }

    /// A name that was wrong when it was asked for, and has come since, needs no `--refresh`.
    @Test(arguments: ["late", "la*"]) func aDatasetThatComesLaterIsFound(name: String) async throws {
        let members: [String: JSONValue] = ["datasets": ["ds", .string(name)], "only": ["crop_5"]]
        _ = try await refusal(members)
        // An earlier version has kept the answer.
        let header = try job.text("state/metadata/ds.jsonl").prefix { $0 != "\n" }
        try Data("\(header)\n{\"ask\":\"list late\",\"folders\":[],\"objects\":[]}\n".utf8)
            .write(to: URL(fileURLWithPath: "\(job.folder)/state/metadata/late.jsonl"))
        try FileManager.default.copyItem(
            atPath: "\(job.folder)/bucket/other", toPath: "\(job.folder)/bucket/late")
        try FileManager.default.moveItem(
            atPath: "\(job.folder)/bucket/late/other.zarr", toPath: "\(job.folder)/bucket/late/late.zarr")
        #expect(try await job.run(members).exitCode == 0)
    }

    @Test func aListIsAskedToo() async throws {
        #expect(try await job.run().exitCode == 0)
        try FileManager.default.moveItem(
            atPath: "\(job.folder)/out/txt/ds_to_download", toPath: "\(job.folder)/list")
        for folder in ["out", "state"] { try FileManager.default.removeItem(atPath: "\(job.folder)/\(folder)") }
        let members: [String: JSONValue] = ["datasets": ["ds"], "lists": ["ds": "list"]]
        // The list has the arrays of `mito` and `all` alone.
        let text = try await refusal(members.merging(["classes": ["nucleus"]]) { $1 })
        #expect(text.contains("classes: all, mito"), "\(text)")
        #expect(try await job.run(members).exitCode == 0)
        let other = try await refusalAfter(["lists": ["dss": "list"]])
        #expect(other.contains("$.lists") && other.contains(#""dss""#), "\(other)")
    }

    private func refusalAfter(_ members: [String: JSONValue]) async throws -> String {
        let error = await #expect(throws: JobError.self) { try await job.run(members) }
        #expect(error?.exitCode == 78)
        return error?.description ?? ""
    }

    /// Plans of an earlier version do not say which classes there are. They are made again from the answers that are kept.
    @Test func aPlanOfAnEarlierVersionIsTakenOver() async throws {
        #expect(try await job.run().done == 2)
        try job.strip("classes", "withoutClass")
        // Nothing can be asked.
        try FileManager.default.moveItem(atPath: "\(job.folder)/bucket", toPath: "\(job.folder)/away")
        let again = try await job.run()
        #expect(again.alreadyDone == 2 && again.failures == [])
        try job.strip("classes", "withoutClass")
        let text = try await refusalAfter(["classes": ["mito", "nucleus_x"]])
        #expect(text.contains("$.classes[1]"))
    }
}

extension SmallJob {
    fileprivate func makeLoop(_ key: String) throws {
        try FileManager.default.removeItem(atPath: "\(folder)/bucket/\(key)")
        try FileManager.default.createSymbolicLink(
            atPath: "\(folder)/bucket/\(key)", withDestinationPath: "\(folder)/bucket/\(key)")
    }

    /// Takes members out of the heads of all plans.
    fileprivate func strip(_ members: String...) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: "\(folder)/state/plans") {
            let url = URL(fileURLWithPath: "\(folder)/state/plans/\(name)")
            let bytes = Array(try Data(contentsOf: url))
            let words = String(decoding: bytes[..<64], as: UTF8.self).split(whereSeparator: \.isWhitespace)
            let count = try #require(Int(words[3]))
            var head = try #require(try JSONValue(parsing: bytes[64..<(64 + count)]).object)
            var plan = try #require(head["plan"]?.object)
            for member in members {
                #expect(plan.removeValue(forKey: member) != nil || member != "classes")
            }
            head["plan"] = .object(plan)
            let text = Array(JSONValue.object(head).canonicalText.utf8)
            var preamble = "\(words[0]) \(words[1]) \(words[2]) \(text.count) \(words[4])"
            preamble += String(repeating: " ", count: 63 - preamble.utf8.count) + "\n"
            try Data(Array(preamble.utf8) + text + bytes[(64 + count)...]).write(to: url)
        }
    }
}

extension Array {
    fileprivate func asyncMap<T>(_ transform: (Element) async throws -> T) async rethrows -> [T] {
        var results: [T] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
