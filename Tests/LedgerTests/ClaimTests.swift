import Elements
import Foundation
import JSONText
import Ledger
import Synchronization
import TestSupport
import Testing

@Suite struct ClaimTests {
    private let scratch = Scratch()
    private let state: ConfinedFolder
    private let output: ConfinedFolder

    init() throws {
        state = try ConfinedFolder(creating: scratch.file("state"))
        output = try ConfinedFolder(creating: scratch.file("out"))
    }

    private func owner(_ role: String = "job") throws -> Owner { try Owner(role: role, state: state, output: output) }

    private func isLocked(_ error: any Error) -> Bool { (error as? LedgerError)?.code == .locked }

    /// Makes an owner file look as if it were of another machine, without touching anything else.
    private func moveElsewhere(_ owner: Owner) throws {
        let file = URL(fileURLWithPath: scratch.file("state/work/\(owner.identity.id)/owner"))
        let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
        // Without a checksum, as earlier versions wrote it.
        let moved = text.replacing(/"boot":"[^"]+"/, with: #""boot":"00000000-0000-0000-0000-000000000000""#)
            .replacing(/"check":"[^"]+",/, with: "")
        #expect(moved.utf8.count < text.utf8.count)
        let handle = try FileHandle(forWritingTo: file)
        try handle.write(contentsOf: Data(moved.utf8))
        try handle.close()
    }

    @Test func onlyOneHoldsIt() throws {
        let first = Claims(of: try owner())
        let second = Claims(of: try owner("task 1/2"))
        #expect(try first.take("item-a"))
        #expect(try !second.take("item-a"))
        #expect(try second.take("item-b"))
        #expect(try Claims.holder(of: "item-a", in: state)?.id == first.owner.identity.id)
        #expect(try Claims.holder(of: "item-b", in: state)?.role == "task 1/2")
        #expect(try Claims.all(in: state) == ["item-a", "item-b"])
        try first.release("item-a")
        #expect(try second.take("item-a"))
        // What is not held is not released: that would be the other's.
        try first.release("item-a")
        #expect(try Claims.holder(of: "item-a", in: state)?.id == second.owner.identity.id)
        second.end()
        #expect(try Claims.all(in: state) == [])
        #expect(try !second.take("item-a"))
        first.end()
        #expect(try state.list() == ["claims"])
        #expect(try output.list() == [])
    }

    @Test func anOwnerThatIsGoneIsKnownAtOnce() throws {
        let claims = Claims(of: try owner())
        let watch = OwnerWatch(claims.owner, claimSeconds: 600)
        var dead: Owner? = try owner()
        let id = try #require(dead?.identity.id)
        #expect(try Claims(of: try #require(dead)).take("item-a"))
        guard case .unknown = try watch.judge(id) else {
            Issue.record("it lives")
            return
        }
        // Without its process the owner file is not locked any more.
        dead = nil
        guard case .dead = try watch.judge(id) else {
            Issue.record("it is dead")
            return
        }
        #expect(try claims.fence(id))
        #expect(try claims.take("item-a"))
    }

    @Test func anOwnerElsewhereIsDeadWhenItShowsNoSignOfLife() throws {
        let claims = Claims(of: try owner())
        let time = Mutex(1000.0)
        let watch = OwnerWatch(claims.owner, claimSeconds: 60) { time.withLock { $0 } }
        let other = try owner()
        try moveElsewhere(other)
        for _ in 0..<5 {
            guard case .unknown = try watch.judge(other.identity.id) else {
                Issue.record("too early to tell")
                return
            }
            time.withLock { $0 += 10 }
        }
        try other.beat(["items": 3])
        guard case .alive = try watch.judge(other.identity.id) else {
            Issue.record("it has shown that it lives")
            return
        }
        #expect(try OwnerWatch.owners(in: state).contains { $0.progress["items"] == 3 })
        for _ in 0..<59 {
            time.withLock { $0 += 1 }
            guard case .alive = try watch.judge(other.identity.id) else {
                Issue.record("it has been quiet, but not for long enough")
                return
            }
        }
        time.withLock { $0 += 2 }
        guard case .dead = try watch.judge(other.identity.id) else {
            Issue.record("it has been quiet for too long")
            return
        }
    }

    /// The clock of the file's time stamps may say what it likes.
    @Test(arguments: [-3600.0, 3600.0]) func aClockThatIsWrongChangesNothing(offset: Double) throws {
        let claims = Claims(of: try owner())
        let time = Mutex(1000.0)
        let watch = OwnerWatch(claims.owner, claimSeconds: 60) { time.withLock { $0 } }
        let other = try owner()
        try moveElsewhere(other)
        let path = scratch.file("state/work/\(other.identity.id)/owner")
        for step in 0..<20 {
            try other.beat(.null)
            let stamp = Date(timeIntervalSinceNow: offset + Double(step))
            try FileManager.default.setAttributes([.modificationDate: stamp], ofItemAtPath: path)
            if case .dead = try watch.judge(other.identity.id) { Issue.record("it lives") }
            time.withLock { $0 += 10 }
        }
    }

    @Test func anOwnerThatWakesUpTooLateCanDoNothing() throws {
        let claims = Claims(of: try owner())
        let late = Claims(of: try owner())
        #expect(try late.take("item-a"))
        #expect(try late.take("item-b"))
        // It was about to publish when it fell asleep.
        let file = try TemporaryFile(for: "hdf5/a.h5", in: late.owner.output, creating: true)
        let record = try TemporaryFile(for: "records/a/convert.json", in: late.owner.state, creating: true)
        #expect(try claims.fence(late.owner.identity.id))
        #expect(try Claims.all(in: state) == [])
        #expect(try claims.take("item-a"))

        #expect { try file.publish() } throws: { isLocked($0) }
        #expect { try record.publish() } throws: { isLocked($0) }
        #expect { try late.owner.output.write([1], to: "hdf5/b.h5") } throws: { isLocked($0) }
        #expect { try late.owner.state.write([1], to: "records/b/stat.json") } throws: { isLocked($0) }
        #expect { try late.take("item-c") } throws: { isLocked($0) }
        #expect { try late.owner.beat(.null) } throws: { isLocked($0) }
        try late.release("item-a")
        late.end()
        #expect(try Claims.holder(of: "item-a", in: state)?.id == claims.owner.identity.id)
        #expect(try output.list("hdf5") == [])
        #expect(try state.list("records/a") == [])
    }

    @Test func aTakeoverThatWasCutShortIsFinishedByTheNext() throws {
        let claims = Claims(of: try owner())
        var dead: Owner? = try owner()
        let deadID = try #require(dead?.identity.id)
        #expect(try Claims(of: try #require(dead)).take("item-a"))
        try #require(dead).output.write([1], to: "hdf5/x")
        // One that has begun to take over, and died with the folder of the first in its own.
        var cut: Owner? = try owner()
        let cutID = try #require(cut?.identity.id)
        #expect(try Claims(of: try #require(cut)).take("fence-\(deadID)"))
        try FileManager.default.moveItem(
            atPath: scratch.file("state/work/\(deadID)"), toPath: scratch.file("state/work/\(cutID)/fence-\(deadID)"))
        dead = nil
        cut = nil
        #expect(try !claims.fence(deadID))
        #expect(try OwnerWatch.isProvenDead(cutID, in: state))
        #expect(try claims.fence(cutID))
        #expect(try claims.fence(deadID))
        #expect(try Claims.all(in: state) == [])
        #expect(try state.list("work") == [claims.owner.identity.id])
        #expect(try output.list(".work") == [claims.owner.identity.id])
    }

    /// Many want the same things at once: each thing is had by one at a time.
    @Test func manyAtOnceNeverShare() async throws {
        let (state, output) = (state, output)
        let marks = try ConfinedFolder(creating: scratch.file("marks"))
        let worked = try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<16 {
                group.addTask {
                    let owner = try Owner(role: "task \(index)/16", state: state, output: output)
                    let claims = Claims(of: owner)
                    var count = 0
                    for round in 0..<200 {
                        let name = "item-\((round * 7 + index) % 5)"
                        guard try claims.take(name) else { continue }
                        // A second owner at the same moment would find the mark.
                        let isAlone = try marks.fileSize(name) == nil
                        #expect(isAlone)
                        try marks.append([1], to: name)
                        await Task.yield()
                        try marks.remove(name)
                        try claims.release(name)
                        count += 1
                    }
                    claims.end()
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(worked > 200)
        #expect(try Claims.all(in: state) == [])
        #expect(try state.list() == ["claims"])
    }

    @Test func foldersWithoutAnOwnerAreCleared() throws {
        let claims = Claims(of: try owner())
        for id in ["killed-early", "killed-later"] {
            try FileManager.default.createDirectory(
                atPath: scratch.file("state/work/\(id)"), withIntermediateDirectories: true)
        }
        try state.touch("work/killed-later/owner")
        let living = try owner("task 1/2")
        #expect(try OwnerWatch.nameless(in: state) == ["killed-early", "killed-later"])
        for id in try state.list("work") where id != claims.owner.identity.id { try claims.fence(id, nameless: true) }
        #expect(try state.list("work") == [claims.owner.identity.id, living.identity.id].sorted())
        #expect(try state.list("claims") == [])
        try living.check()
    }

    /// Clearing does not stop those who are just coming.
    @Test func ownersComeWhileOthersClear() async throws {
        let claims = Claims(of: try owner())
        try await withThrowingTaskGroup { group in
            group.addTask { [state] in
                while !Task.isCancelled {
                    for id in try OwnerWatch.nameless(in: state) { try claims.fence(id, nameless: true) }
                    await Task.yield()
                }
            }
            for number in 0..<300 {
                let next = try owner("task \(number)/300")
                try next.check()
                let claims = Claims(of: next)
                #expect(try claims.take("item-\(number)"))
                claims.end()
            }
            group.cancelAll()
            try await group.waitForAll()
        }
        #expect(try state.list("work") == [claims.owner.identity.id])
        #expect(try output.list(".work") == [claims.owner.identity.id])
    }
}
