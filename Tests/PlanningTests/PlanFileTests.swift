import Foundation
import JSONText
import JobTestSupport
import Ledger
import Scheduling
import Stores
import Testing

@testable import Job
@testable import Planning
@testable import Report

/// The plan of a dataset as several processes see it.
@Suite struct PlanFileTests {
    /// Two tasks may plan a dataset one after the other, while a third has read the first one's index.
    @Test func planMadeAnewMeanwhileStillHasItsItems() async throws {
        let job = SmallJob()
        let recon = "ds/ds.zarr/recon-1"
        try job.image(
            "\(recon)/em/fibsem-uint8",
            [SmallJob.Level(voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4])])
        for crop in [5, 6] {
            try job.image(
                "\(recon)/labels/groundtruth/crop\(crop)/mito",
                [SmallJob.Level(voxel: [8, 8, 8], translation: [8, 8, 8], shape: [2, 2, 2])])
        }
        #expect(try await job.run().items == 2)
        let state = try ConfinedFolder(creating: "\(job.folder)/state")
        let first = try #require(try PlanFile(of: "ds", in: state))
        var plan = first.plan
        plan.items = try first.items.map { try PlanFile.item($0, in: state) }
        let second = try PlanFile.encode(
            plan, fingerprint: first.fingerprint, owner: "somebody else, with a longer name than the first",
            store: StoreURL(first.source))
        try state.write(second, to: PlanFile.path(of: "ds"))
        for (entry, item) in zip(first.items, plan.items) {
            #expect(try PlanFile.item(entry, in: state) == item)
        }

        // An item that is planned otherwise now is another item.
        plan.items.removeLast()
        let third = try PlanFile.encode(
            plan, fingerprint: first.fingerprint, owner: "a third", store: StoreURL(first.source))
        try state.write(third, to: PlanFile.path(of: "ds"))
        #expect(try PlanFile.item(first.items[0], in: state) == plan.items[0])
        #expect(throws: PlanChange.self) { try PlanFile.item(first.items[1], in: state) }
    }

    /// `cristae plan` keeps its plan, and writes none of the texts: the run after it does.
    @Test func textsFollowAPlanThatWasOnlyLookedAt() async throws {
        let job = SmallJob()
        let recon = "ds/ds.zarr/recon-1"
        try job.image(
            "\(recon)/em/fibsem-uint8",
            [SmallJob.Level(voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4])])
        for name in ["mito", "er"] {
            try job.image(
                "\(recon)/labels/groundtruth/crop5/\(name)",
                [SmallJob.Level(voxel: [8, 8, 8], translation: [8, 8, 8], shape: [2, 2, 2])])
        }
        #expect(try await job.run(["classes": ["mito"]]).done == 1)
        let other: [String: JSONValue] = ["classes": ["er"]]
        _ = try await PlanReport(try job.context(other))
        #expect(try await job.run(other).done == 1)
        let list = try job.text("out/txt/ds_to_download")
        #expect(list.contains("/crop5/er/") && !list.contains("/crop5/mito/"))
        #expect(try await job.bad(other) == [])
        let before = try job.stamps()
        #expect(try await job.run(other).alreadyDone == 1)
        #expect(try job.written(since: before) == [])
    }

    // MARK: Damage

    /// A finished job of two crops.
    private func finished() async throws -> (job: SmallJob, state: ConfinedFolder) {
        let job = SmallJob()
        let recon = "ds/ds.zarr/recon-1"
        try job.image(
            "\(recon)/em/fibsem-uint8",
            [SmallJob.Level(voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4])])
        for crop in [5, 6] {
            try job.image(
                "\(recon)/labels/groundtruth/crop\(crop)/mito",
                [SmallJob.Level(voxel: [8, 8, 8], translation: [8, 8, 8], shape: [2, 2, 2])])
        }
        #expect(try await job.run().items == 2)
        return (job, try ConfinedFolder(creating: "\(job.folder)/state"))
    }

    /// Whichever byte is another one: it is noticed, or it says the same.
    @Test func noFlippedByteIsBelieved() async throws {
        let (job, state) = try await finished()
        defer { withExtendedLifetime(job) {} }
        let path = PlanFile.path(of: "ds")
        let text = try #require(try state.read(path))
        let plan = try #require(try PlanFile(of: "ds", in: state))
        let items = try plan.items.map { try PlanFile.item($0, in: state) }
        var noticed = 0
        let file = try #require(FileHandle(forUpdatingAtPath: "\(job.folder)/state/\(path)"))
        func put(_ byte: UInt8, at place: Int) throws {
            try file.seek(toOffset: UInt64(place))
            try file.write(contentsOf: [byte])
        }
        for place in text.indices {
            try put(text[place] ^ 1, at: place)
            defer { try? put(text[place], at: place) }
            guard let found = try PlanFile(of: "ds", in: state) else {
                noticed += 1
                continue
            }
            #expect(
                found.items == plan.items && found.plan == plan.plan && found.source == plan.source, "byte \(place)")
            for (entry, item) in zip(found.items, items) {
                do {
                    #expect(try PlanFile.item(entry, in: state) == item, "byte \(place)")
                } catch is PlanDamage {
                    noticed += 1
                }
            }
        }
        #expect(noticed > text.count * 9 / 10)
    }

    /// A run over a damaged plan plans the dataset anew, and comes to an end.
    @Test(.timeLimit(.minutes(5)), arguments: [false, true])
    func aDamagedLineIsMadeAnew(isTask: Bool) async throws {
        let (job, state) = try await finished()
        let path = PlanFile.path(of: "ds")
        let text = try #require(try state.read(path))
        let plan = try #require(try PlanFile(of: "ds", in: state))
        for item in plan.items {
            var damaged = text
            damaged[item.offset + item.length / 2] ^= 4
            try state.write(damaged, to: path)
            let file = "\(job.folder)/out/crops/\(item.name).h5"
            let before = try #require(FileManager.default.contents(atPath: file))
            try FileManager.default.removeItem(atPath: file)
            let outcome = try await job.run(share: isTask ? TaskShare(index: 0, count: 2) : nil)
            #expect(outcome.exitCode == 0 && outcome.unaccounted.isEmpty, "\(outcome)")
            #expect(outcome.items == 2 && outcome.done + outcome.alreadyDone + outcome.elsewhere == 2, "\(outcome)")
            #expect(FileManager.default.contents(atPath: file) == before)
            #expect(try state.read(path)?.suffix(200) == text.suffix(200))
        }
    }

    /// Numbers that reach beyond the file, or beyond what a number can be, are damage and not a trap.
    @Test(arguments: ["9223372036854775807", "9223372036854775000", "1000000", "-1", "99999999999999999999"])
    func craftedNumbersAreDamage(number: String) async throws {
        let (job, state) = try await finished()
        let path = PlanFile.path(of: "ds")
        let text = String(decoding: try #require(try state.read(path)), as: UTF8.self)
        let plan = try #require(try PlanFile(of: "ds", in: state))
        let index = String(decoding: plan.index, as: UTF8.self)
        let (header, lines) = try #require(
            text.dropFirst(64).range(of: index).map {
                (text.dropFirst(64)[..<$0.lowerBound], text[$0.upperBound...])
            })
        for column in 2...5 {
            var rows = index.split(separator: "\n").map { $0.components(separatedBy: "\t") }
            rows[1][column] = number
            let crafted = rows.map { $0.joined(separator: "\t") + "\n" }.joined()
            // As earlier versions wrote it, without checksums.
            let preamble = "cristae plan 2 \(header.utf8.count) \(crafted.utf8.count)"
            let padded = preamble.padding(toLength: 63, withPad: " ", startingAt: 0) + "\n"
            try state.write(Array((padded + header + crafted + lines).utf8), to: path)
            let found = try PlanFile(of: "ds", in: state)
            if column >= 4 { #expect(found == nil) }
            #expect(try await job.run().exitCode == 0)
        }
    }

    @Test func plansOfEarlierVersionsAreTakenOver() async throws {
        let (job, state) = try await finished()
        let path = PlanFile.path(of: "ds")
        var text = try #require(try state.read(path))
        let words = String(decoding: text[..<64], as: UTF8.self).split(separator: " ")
        let preamble = words[..<5].joined(separator: " ").padding(toLength: 63, withPad: " ", startingAt: 0)
        text.replaceSubrange(0..<63, with: Array(preamble.utf8))
        try state.write(text, to: path)
        let outcome = try await job.run()
        #expect(outcome.alreadyDone == 2)
        #expect(try state.read(path) == text)
    }
}
