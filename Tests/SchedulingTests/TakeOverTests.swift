import Foundation
import JSONText
import Ledger
import Logging
import TestSupport
import Testing

@testable import Arrays
@testable import Job
@testable import Manifest
@testable import Scheduling

/// How a process gets past claims and owners that nobody stands for any more.
@Suite(.timeLimit(.minutes(5))) struct TakeOverTests {
    private let scratch = Scratch()
    private let context: JobContext

    init() throws {
        let text = JSONValue.object(["source": "sample:", "datasets": ["*"], "limits": ["claim_seconds": 5]])
        let manifest = try Manifest(
            parsing: Array(text.prettyText.utf8), folder: scratch.path, overrides: Manifest.Overrides())
        context = try JobContext(
            manifest: manifest, stop: StopSignal(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func owner(_ role: String) throws -> Owner {
        try Owner(role: role, state: context.state.folder, output: context.state.output)
    }

    /// Makes a file look as if it had not been touched for an hour.
    private func age(_ path: String) throws {
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -3600)], ofItemAtPath: "\(scratch.path)/state/\(path)")
    }

    /// A claim without text, as a process leaves it that is killed before it has written it.
    private func leave(_ claim: String, isOld: Bool = true) throws {
        try context.state.folder.makeTestFolder("claims")
        try context.state.folder.touch("claims/\(claim)")
        if isOld { try age("claims/\(claim)") }
    }

    @Test(arguments: [nil, TaskShare(index: 0, count: 1), TaskShare(index: 1, count: 3)])
    func aClaimOnTheJobWithoutANameRunsOut(share: TaskShare?) async throws {
        try leave(ClaimName.job)
        let worker = try await JobAdmission(context: context, share: share).enter()
        #expect(
            try Claims.holder(of: ClaimName.job, in: context.state.folder)?.id
                == (share == nil ? worker.owner.identity.id : nil))
        worker.end()
        #expect(try Claims.all(in: context.state.folder) == [])
    }

    /// One that has just been made keeps others out, and they say which file it is.
    @Test func aClaimThatIsJustBeingMadeIsNamed() async throws {
        try leave(ClaimName.job, isOld: false)
        await #expect {
            _ = try await JobAdmission(context: context, share: nil).enter()
        } throws: {
            guard case .locked(let text)? = $0 as? JobError else { return false }
            return text.contains("claims/job")
        }
    }

    @Test func aDamagedOwnerRunsOut() async throws {
        var dead: Owner? = try owner("task 0/2")
        let id = try #require(dead?.identity.id)
        #expect(try Claims(of: try #require(dead)).take(ClaimName.item("crop_1")))
        dead = nil
        try Data("rubbish".utf8).write(to: URL(fileURLWithPath: "\(scratch.path)/state/work/\(id)/owner"), options: [])
        try age("work/\(id)/owner")
        let worker = try await JobAdmission(context: context, share: nil).enter()
        #expect(try context.state.folder.list("work") == [worker.owner.identity.id])
        #expect(try Claims.all(in: context.state.folder) == [ClaimName.job])
        worker.end()
    }

    /// Two processes that were taking over from each other, and both died.
    @Test func aCircleOfDeadOwnersIsBroken() throws {
        var dead: [Owner] = [try owner("task 0/3"), try owner("task 1/3"), try owner("task 2/3")]
        let ids = dead.map(\.identity.id)
        for (index, owner) in dead.enumerated() {
            let claims = Claims(of: owner)
            #expect(try claims.take(Claims.fenceName(ids[(index + 1) % 3])))
            #expect(try claims.take("item-\(index)"))
        }
        dead = []
        let worker = try Worker(role: "task 3/4", context)
        for id in ids { #expect(try worker.takeOver(from: id)) }
        #expect(try Claims.all(in: context.state.folder) == [])
        #expect(try context.state.folder.list("work") == [worker.owner.identity.id])
        worker.end()
    }

    /// The claim to take over from somebody may say nothing, too.
    @Test func aTakeOverWithoutANameRunsOut() async throws {
        var dead: Owner? = try owner("task 0/2")
        let id = try #require(dead?.identity.id)
        #expect(try Claims(of: try #require(dead)).take("item-a"))
        dead = nil
        try leave(Claims.fenceName(id))
        try leave(Claims.fenceName("item-b"))
        try leave("item-b")
        let worker = try Worker(role: "task 1/2", context)
        var unclear = ["item-a", "item-b"]
        while !unclear.isEmpty {
            unclear = try worker.freeDead(unclear)
            try await Task.sleep(for: .milliseconds(100))
        }
        #expect(try Claims.all(in: context.state.folder) == [])
        worker.end()
    }

    /// The folder of a process that was killed before it could say who it is.
    @Test func aFolderWithoutAnOwnerIsCleared() throws {
        try context.state.folder.makeTestFolder("work/nobody")
        let worker = try Worker(role: "task 0/2", context)
        try worker.clearDead()
        #expect(try context.state.folder.list("work") == [worker.owner.identity.id])
        worker.end()
    }

    /// What this process has and does not work on is nobody's.
    @Test func aClaimThatWasNotGivenBackIsFreed() throws {
        let worker = try Worker(role: "task 0/2", context)
        let claims = "\(scratch.path)/state/claims"
        let file = "\(scratch.path)/state/work/\(worker.owner.identity.id)/owner"
        try FileManager.default.linkItem(atPath: file, toPath: "\(claims)/item-a")
        #expect(try worker.claims.take("item-b"))
        #expect(try worker.freeDead(["item-a", "item-b"]) == [])
        #expect(try Claims.all(in: context.state.folder) == ["item-b"])
        worker.end()
    }
}

extension ConfinedFolder {
    /// Makes a folder by making and removing a file in it.
    fileprivate func makeTestFolder(_ name: String) throws {
        try touch("\(name)/-")
        try remove("\(name)/-")
    }
}
