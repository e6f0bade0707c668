import Elements
import Foundation
import Glibc
import JSONText
import Synchronization
import TestSupport
import Testing

@testable import Ledger

/// A clock that goes forward when a test says so.
private final class Clock: Sendable {
    let seconds = Mutex(1000.0)
}

/// How many are at work at the same moment.
private final class Inside: Sendable {
    let count = Mutex(0)
}

/// Claims and owner files that are damaged, processes that stand still, and threads that want the same claim.
@Suite struct ClaimFaultTests {
    private let scratch = Scratch()
    private let state: ConfinedFolder
    private let output: ConfinedFolder
    private let clock = Clock()

    init() throws {
        state = try ConfinedFolder(creating: scratch.file("state"))
        output = try ConfinedFolder(creating: scratch.file("out"))
    }

    private func owner(_ role: String = "job") throws -> Owner { try Owner(role: role, state: state, output: output) }

    private func ownerFile(_ owner: Owner) -> String { scratch.file("state/work/\(owner.identity.id)/owner") }

    /// Writes into a file in place, as a bad disk does.
    private func overwrite(_ path: String, at offset: Int, _ bytes: [UInt8]) throws {
        let number = open(path, O_WRONLY)
        try #require(number >= 0)
        defer { close(number) }
        #expect(pwrite(number, bytes, bytes.count, off_t(offset)) == bytes.count)
    }

    private func age(_ path: String, seconds: Double) throws {
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -seconds)], ofItemAtPath: path)
    }

    private func isDead(_ verdict: OwnerWatch.Verdict) -> Bool { if case .dead = verdict { true } else { false } }

    // MARK: One process

    @Test func aClaimOfThisProcessIsHeld() throws {
        let claims = Claims(of: try owner())
        #expect(try claims.take("item-a"))
        #expect(try !claims.take("item-a"))
        try claims.release("item-a")
        #expect(try Claims.all(in: state) == [])
        #expect(try claims.take("item-a"))
    }

    /// Threads of one process exclude each other as processes do.
    @Test func threadsOfOneProcessNeverShare() async throws {
        let (claims, state) = (Claims(of: try owner()), state)
        let inside = Inside()
        let worked = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var count = 0
                    for _ in 0..<300 {
                        guard try claims.take("item-a") else { continue }
                        let isAlone = inside.count.withLock { inside in
                            inside += 1
                            return inside == 1
                        }
                        #expect(isAlone)
                        await Task.yield()
                        // As long as it is held, it is there.
                        #expect(try Claims.holder(of: "item-a", in: state) != nil)
                        inside.count.withLock { $0 -= 1 }
                        try claims.release("item-a")
                        count += 1
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(worked > 100)
        #expect(try Claims.all(in: state) == [])
    }

    // MARK: Damage

    /// A wrong bit never makes a living owner dead, or its claims those of somebody else.
    @Test func aFlippedBitKillsNobody() throws {
        let other = Claims(of: try owner("task 0/2"))
        #expect(try other.take("item-a"))
        let identity = other.owner.identity
        let path = ownerFile(other.owner)
        let text = try scratch.bytes("state/work/\(identity.id)/owner")
        let first = try #require(text.firstIndex(of: UInt8(ascii: "\n")))
        #expect(first > 300)
        let watcher = try owner()
        var damaged = 0
        for offset in 0...first {
            try overwrite(path, at: offset, [text[offset] ^ (1 << UInt8(offset % 8))])
            // A new watch for each: what changes is a sign of life.
            let watch = OwnerWatch(watcher, claimSeconds: 60)
            #expect(try !isDead(watch.judge(identity.id)), "byte \(offset)")
            switch try Claims.holding("item-a", in: state) {
            case .nobody: Issue.record("byte \(offset)")
            case .owner(let found): #expect(found == identity, "byte \(offset)")
            case .nameless: damaged += 1
            }
            try overwrite(path, at: offset, [text[offset]])
        }
        // Nearly each of them is noticed.
        #expect(damaged >= first - 8)
        // What is wrong is mended by the next sign of life.
        try overwrite(path, at: 0, [0])
        #expect(try OwnerWatch.damaged(in: state) == [identity.id])
        try other.owner.beat(.null)
        #expect(try OwnerWatch.damaged(in: state) == [])
        #expect(try Claims.holder(of: "item-a", in: state) == identity)
    }

    /// Whatever is in the file of a dead owner, it runs out, and its claims become free.
    @Test(arguments: [
        [], [0, 0, 0, 0], Array("{}\n".utf8), Array(#"{"id":"../../x"}"#.utf8), [UInt8](repeating: 255, count: 9000),
    ])
    func aDamagedOwnerRunsOut(text: [UInt8]) throws {
        var dead: Owner? = try owner("task 1/2")
        let id = try #require(dead?.identity.id)
        #expect(try Claims(of: try #require(dead)).take("item-a"))
        dead = nil
        try overwrite(scratch.file("state/work/\(id)/owner"), at: 0, text)
        truncate(scratch.file("state/work/\(id)/owner"), off_t(text.count))
        let claims = Claims(of: try owner())
        let watch = OwnerWatch(claims.owner, claimSeconds: 60) { [clock] in clock.seconds.withLock { $0 } }
        guard case .nameless(let stamp) = try Claims.holding("item-a", in: state) else {
            Issue.record("it says nothing")
            return
        }
        for second in 0..<60 {
            #expect(try !isDead(watch.judge(id)), "second \(second)")
            #expect(!isDead(watch.judge(nameless: "item-a", stamp)), "second \(second)")
            clock.seconds.withLock { $0 += 1 }
        }
        #expect(try isDead(watch.judge(id)))
        #expect(isDead(watch.judge(nameless: "item-a", stamp)))
        #expect(try claims.fence(id))
        #expect(try claims.removeNameless("item-a", stamp))
        #expect(try claims.take("item-a"))
        #expect(try Claims.all(in: state) == ["item-a"])
    }

    /// What has become somebody's meanwhile is not removed.
    @Test func aClaimThatHasANameByNowStays() throws {
        try state.touch("claims/item-a")
        guard case .nameless(let stamp) = try Claims.holding("item-a", in: state) else {
            Issue.record("it says nothing")
            return
        }
        try state.remove("claims/item-a")
        let other = Claims(of: try owner("task 0/2"))
        #expect(try other.take("item-a"))
        _ = try Claims(of: try owner()).removeNameless("item-a", stamp)
        #expect(try Claims.holder(of: "item-a", in: state) == other.owner.identity)
    }

    /// Also where it becomes somebody's between the last look and the removal: it is put back.
    @Test func aClaimThatGetsANameMeanwhileIsPutBack() throws {
        try state.touch("claims/item-a")
        guard case .nameless(let stamp) = try Claims.holding("item-a", in: state) else {
            Issue.record("it says nothing")
            return
        }
        try state.remove("claims/item-a")
        let other = Claims(of: try owner("task 0/2"))
        #expect(try other.take("item-a"))
        try Claims(of: try owner()).takeAway("item-a", stamp)
        #expect(try Claims.holder(of: "item-a", in: state) == other.owner.identity)
    }

    /// Anything may lie where claims are: it is not taken for free, and it can be removed.
    @Test func whatIsNoFileIsNameless() throws {
        let claims = Claims(of: try owner())
        let folder = scratch.file("state/claims")
        try FileManager.default.createSymbolicLink(atPath: "\(folder)/item-a", withDestinationPath: "owner")
        try FileManager.default.createDirectory(atPath: "\(folder)/item-b", withIntermediateDirectories: false)
        mkfifo("\(folder)/item-c", 0o666)
        for name in ["item-a", "item-b", "item-c"] {
            #expect(try !claims.take(name))
            guard case .nameless(let stamp) = try Claims.holding(name, in: state) else {
                Issue.record("\(name) says nothing")
                continue
            }
            #expect(try claims.removeNameless(name, stamp))
            #expect(try claims.take(name))
        }
    }

    // MARK: Time

    /// Two that stood still, each with the other: none is dead when they go on.
    @Test(arguments: [60.0, 3600]) func whoStoodStillItselfJudgesNobody(pause: Double) throws {
        let watcher = try owner()
        let other = try owner("task 0/2")
        let watch = OwnerWatch(watcher, claimSeconds: 60) { [clock] in clock.seconds.withLock { $0 } }
        for round in 0..<5 {
            for _ in 0..<12 {
                #expect(try !isDead(watch.judge(other.identity.id)), "round \(round)")
                clock.seconds.withLock { $0 += 1 }
            }
            clock.seconds.withLock { $0 += pause }
            try age(ownerFile(other), seconds: pause * Double(6 - round))
            // This process is the first to wake up, and looks before the other has shown that it lives.
            try watcher.beat(.null)
            for _ in 0..<5 {
                #expect(try !isDead(watch.judge(other.identity.id)), "round \(round)")
                clock.seconds.withLock { $0 += 1 }
            }
            try other.beat(.null)
        }
    }

    /// An old sign of life shortens the wait only by time in which this process has looked: its own pause is none.
    @Test func aPauseDoesNotShortenTheWait() throws {
        let watcher = try owner()
        let other = try owner("task 0/2")
        try age(ownerFile(other), seconds: 7200)
        let watch = OwnerWatch(watcher, claimSeconds: 60) { [clock] in clock.seconds.withLock { $0 } }
        func look(for seconds: Int) throws -> Bool {
            for _ in 0..<seconds {
                if try isDead(watch.judge(other.identity.id)) { return true }
                clock.seconds.withLock { $0 += 1 }
            }
            return false
        }
        #expect(try !look(for: 15))
        clock.seconds.withLock { $0 += 3600 }
        try watcher.beat(.null)
        #expect(try !look(for: 20))
        // Two beats without a pause are enough then.
        #expect(try look(for: 10))
    }

    /// However seldom somebody looks, it comes to a verdict.
    @Test func seldomLooksAreEnough() throws {
        let watch = OwnerWatch(try owner(), claimSeconds: 60) { [clock] in clock.seconds.withLock { $0 } }
        let other = try owner("task 0/2")
        var looks = 0
        while looks < 20, try !isDead(watch.judge(other.identity.id)) {
            looks += 1
            clock.seconds.withLock { $0 += 1000 }
        }
        #expect(looks == 6)
    }

    // MARK: A take-over

    /// A file that cannot be written any more does not hide that another process has taken over.
    @Test func aBeatThatFailsTellsOfTheTakeOver() throws {
        let late = try owner()
        let path = try #require(realpath(ownerFile(late), nil))
        defer { free(path) }
        let own = try #require(
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }.first {
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))
                    == String(cString: path)
            })
        let nothing = open("/dev/null", O_RDONLY)
        dup2(nothing, own)
        close(nothing)
        #expect { try late.beat(.null) } throws: { ($0 as? LedgerError)?.code == .cannotWrite }
        #expect(try Claims(of: try owner()).fence(late.identity.id))
        #expect { try late.beat(.null) } throws: { ($0 as? LedgerError)?.code == .locked }
    }

    /// What an owner still holds when it ends is free at once, and so are its folders.
    @Test func theEndFreesWhatIsHeld() throws {
        let claims = Claims(of: try owner())
        for name in ["item-a", "item-b", "job"] { #expect(try claims.take(name)) }
        let other = Claims(of: try owner("task 0/2"))
        #expect(try other.take("item-c"))
        claims.end()
        #expect(try Claims.all(in: state) == ["item-c"])
        #expect(try state.list("work") == [other.owner.identity.id])
        #expect(try output.list(".work") == [other.owner.identity.id])
        #expect(throws: LedgerError.self) { try claims.owner.output.write([1], to: "hdf5/x") }
        #expect(throws: LedgerError.self) { try claims.owner.state.write([1], to: "records/x") }
    }

    /// One that holds nothing ends all the same.
    @Test func theEndTakesTheRightToPublish() throws {
        let claims = Claims(of: try owner())
        claims.end()
        #expect(try state.list("work") == [] && output.list(".work") == [])
        #expect(throws: LedgerError.self) { try claims.owner.output.write([1], to: "hdf5/x") }
        #expect(try !claims.take("item-a"))
    }

    /// Earlier versions wrote no checksum, and their claims are hard links as well.
    @Test func claimsOfEarlierVersionsAreUnderstood() throws {
        var dead: Owner? = try owner("task 1/2")
        let identity = try #require(dead).identity
        dead = nil
        let text = try JSONFile.encode(identity) + [UInt8(ascii: "\n")]
        let file = scratch.file("state/work/\(identity.id)/owner")
        try Data(text).write(to: URL(fileURLWithPath: file))
        try FileManager.default.linkItem(atPath: file, toPath: scratch.file("state/claims/item-a"))
        #expect(try Claims.holder(of: "item-a", in: state) == identity)
        let claims = Claims(of: try owner())
        #expect(try claims.fence(identity.id))
        #expect(try claims.take("item-a"))
    }
}
