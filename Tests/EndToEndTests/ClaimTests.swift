import Foundation
import Glibc
import JSONText
import Testing

extension EndToEnd {
    /// Claims and owners where the file system or the machine does not do what one would like, and the order of what is done to files.
    @Suite struct ClaimTests {
        /// The built-in bucket as files, made once: to make it takes longer than the job.
        private static let bucket = Task { () async throws -> String in
            let folder = try Harness.newFolder("bucket")
            let sample = try ChildProcess(
                Harness.binary(), ["sample", folder.appending(path: "files").path], in: folder, name: "sample")
            let outcome = try await sample.wait(atMost: 400)
            guard outcome.exitCode == 0 else { throw HarnessError("cristae sample: \(outcome.summary)") }
            return folder.appending(path: "files").absoluteString
        }

        /// A job of the smallest crop of the built-in bucket.
        private static func job(datasets: JSONValue = ["smp_hela-2"]) async throws -> Job {
            let source = try await bucket.value
            return try Job([
                "source": .string(source), "datasets": datasets, "only": ["crop_1"],
                "limits": ["memory": "256MiB", "claim_seconds": 5],
            ])
        }

        private static func made(_ job: Job) -> Set<String> {
            let found = FileManager.default.enumerator(atPath: job.out.path)?.compactMap { $0 as? String } ?? []
            return Set(found.filter { $0.hasSuffix(".h5") })
        }

        private static let wanted: Set<String> = ["crops/crop_1.h5", "hdf5/crop_1.h5"]

        /// Runs the job again and again until it says that it is done, as a batch system would.
        private static func finish(
            _ job: Job, _ arguments: [String], _ environment: [String: String], atMost seconds: Double = 40
        ) async throws {
            let begin = Date()
            while true {
                let outcome = try await job.start(["run", job.manifest.path] + arguments, environment: environment)
                    .wait(atMost: seconds)
                if outcome.exitCode == 0 { return }
                try #require(outcome.exitCode == 75, "\(outcome.summary)")
                try #require(Date().timeIntervalSince(begin) < seconds, "\(outcome.summary)")
                try await Task.sleep(for: .milliseconds(500))
            }
        }

        @Test(arguments: [
            ["LINKS": "none"], ["LINKS": "symbolic"], ["LINKS": "none", "RENAMES": "replacing"],
            ["LINKS": "symbolic", "RENAMES": "replacing"],
        ]) func jobsWorkWithoutHardLinks(faults: [String: String]) async throws {
            let environment = try await FaultLibrary.environment(faults)
            let job = try await Self.job()
            let outcome = try await job.run(["run", job.manifest.path], environment: environment)
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            #expect(Self.made(job) == Self.wanted)
            #expect(try job.leftovers() == [])
            // Tasks beside each other, of which each wants what the other has.
            try job.wipe()
            let tasks = try (0..<3).map { index in
                try job.start(["run", job.manifest.path, "--task", "\(index)/3"], environment: environment)
            }
            for task in tasks {
                let outcome = try await task.wait(atMost: 60)
                #expect(outcome.exitCode == 0, "\(outcome.summary)")
            }
            #expect(Self.made(job) == Self.wanted)
            #expect(try job.leftovers() == [])
        }

        /// A process that dies after it has made a claim and before it has written it.
        @Test func aClaimWithoutTextRunsOut() async throws {
            let faults = ["LINKS": "none", "RENAMES": "replacing"]
            let survivor = try await FaultLibrary.environment(faults)
            let cases: [(claim: String, arguments: [String])] = [
                ("job", []), ("names", []), ("dataset-smp_hela-2", []), ("item-crop_1", []), ("summaries", []),
                ("names", ["--task", "0/1"]), ("dataset-smp_hela-2", ["--task", "0/1"]),
                ("item-crop_1", ["--task", "0/1"]), ("item-crop_1", ["--task", "0/2"]),
                ("summaries", ["--task", "0/1"]),
            ]
            try await withThrowingTaskGroup { group in
                for (claim, arguments) in cases {
                    group.addTask {
                        let job = try await Self.job(datasets: ["smp_hela*"])
                        let victim = try await FaultLibrary.environment(
                            faults.merging(["KILL_AT": "claims/\(claim)"]) { $1 })
                        let outcome = try await job.run(["run", job.manifest.path] + arguments, environment: victim)
                        try #require(outcome.signal == SIGKILL, "\(claim) \(arguments): \(outcome.summary)")
                        let left = try Data(contentsOf: job.state.appending(path: "claims/\(claim)"))
                        #expect(left.isEmpty)
                        try await Self.finish(job, arguments, survivor)
                        #expect(Self.made(job) == Self.wanted, "\(claim) \(arguments)")
                        let claims = try FileManager.default.contentsOfDirectory(
                            atPath: job.state.appending(path: "claims").path)
                        #expect(claims == [], "\(claim) \(arguments)")
                    }
                }
                try await group.waitForAll()
            }
        }

        /// The process may have so few threads that it cannot go on: it says so and ends.
        @Test func withoutThreadsTheJobEnds() async throws {
            try await withThrowingTaskGroup { group in
                for count in [0, 1, 4, 5, 6, 7, 8, 9, 10, 12, 14, 20] {
                    group.addTask {
                        let job = try await Self.job()
                        let environment = try await FaultLibrary.environment(["THREADS": "\(count)"])
                        let outcome = try await job.start(["run", job.manifest.path], environment: environment)
                            .wait(atMost: 60)
                        if outcome.exitCode == 0, count > 5 { return }
                        #expect(outcome.exitCode == 74, "\(count) threads: \(outcome.summary)")
                        #expect(outcome.errors.contains("cannot be started"), "\(count) threads: \(outcome.summary)")
                    }
                }
                try await group.waitForAll()
            }
        }

        /// The names that cannot be read are not taken for names that are not there.
        @Test(arguments: ["state/claims", "state/work", "state/done"])
        func aFolderThatCannotBeListedIsAnError(folder: String) async throws {
            let job = try await Self.job()
            let first = try await job.run(["run", job.manifest.path])
            try #require(first.exitCode == 0, "\(first.summary)")
            let environment = try await FaultLibrary.environment(["UNREADABLE": folder])
            let outcome = try await job.run(["run", job.manifest.path], environment: environment)
            #expect(outcome.exitCode != 0, "\(outcome.summary)")
            #expect(outcome.errors.contains("listing failed"), "\(outcome.summary)")
        }

        /// Kills a task while it writes its first file, and returns its id.
        private static func killWriter(_ job: Job) async throws -> String {
            let victim = try await FaultLibrary.environment(["KILL_AT": "out/.work"])
            let outcome = try await job.run(["run", job.manifest.path, "--stage", "discover"])
            try #require(outcome.exitCode == 0, "\(outcome.summary)")
            let killed = try await job.run(["run", job.manifest.path, "--task", "0/1"], environment: victim)
            try #require(killed.signal == SIGKILL, "\(killed.summary)")
            let owners = try FileManager.default.contentsOfDirectory(atPath: job.out.appending(path: ".work").path)
            return try #require(owners.first { $0 != "job.json" })
        }

        /// Over NFS, what a sleeping process of this machine has open stays in its folder. As long as that folder is there, it could publish.
        @Test(arguments: [false, true]) func aFolderThatStaysKeepsItsClaims(isStuck: Bool) async throws {
            let job = try await Self.job()
            let dead = try await Self.killWriter(job)
            let folder = job.out.appending(path: ".work/\(dead)")
            try Data([1]).write(to: folder.appending(path: ".nfs000000000000000100000001"))
            let claims = job.state.appending(path: "claims").path
            let before = try FileManager.default.contentsOfDirectory(atPath: claims).sorted()
            try #require(!before.isEmpty)
            let environment = try await FaultLibrary.environment(
                isStuck ? ["BUSY": "/.nfs", "STUCK": "1"] : ["BUSY": "/.nfs"])
            let outcome = try await job.run(["run", job.manifest.path, "--task", "0/1"], environment: environment)
            if isStuck {
                #expect(outcome.exitCode == 75, "\(outcome.summary)")
                #expect(outcome.errors.contains(".nfs"), "\(outcome.summary)")
                let after = try FileManager.default.contentsOfDirectory(atPath: claims)
                #expect(Set(before).isSubset(of: after), "freed, although its holder can still publish")
            } else {
                #expect(outcome.exitCode == 0, "\(outcome.summary)")
                #expect(!FileManager.default.fileExists(atPath: folder.path))
            }
            // When the process is gone, all is well.
            let last = try await job.run(["run", job.manifest.path])
            #expect(last.exitCode == 0, "\(last.summary)")
            #expect(Self.made(job) == Self.wanted)
        }

        // MARK: The order

        private static func traced(_ job: Job, _ arguments: [String] = []) async throws -> [FaultLibrary.Call] {
            let file = job.folder.appending(path: "trace")
            let environment = try await FaultLibrary.environment(["TRACE": file.path])
            let outcome = try await job.run(["run", job.manifest.path] + arguments, environment: environment)
            try #require(outcome.exitCode == 0, "\(outcome.summary)")
            return try FaultLibrary.trace(file, in: job.folder)
        }

        /// What is published: renamed out of the owner's folder, and not into another owner's or into the claims.
        private static func isPublication(_ call: FaultLibrary.Call) -> Bool {
            call.name == "rename" && call.path.contains("work/") && !call.other.contains("work/")
                && !call.other.hasPrefix("state/packs/") && !call.other.hasPrefix("state/claims/")
        }

        /// Content is on the disk before it has its name, and the name is on the disk before the work goes on.
        @Test func whatIsPublishedIsDurable() async throws {
            let job = try await Self.job()
            let calls = try await Self.traced(job)
            let published = calls.indices.filter { Self.isPublication(calls[$0]) }
            // Plan, records, metadata, the HDF5 files and the summaries.
            #expect(published.count >= 12)
            for index in published {
                let (from, to) = (calls[index].path, calls[index].other)
                let before = calls[..<index]
                let write = try #require(before.lastIndex { $0.name == "write" && $0.path == from }, "\(to)")
                #expect(
                    before[write...].contains { $0.name == "fsync" && $0.path == from },
                    "\(to) gets its name before its content is on the disk")
                let folder = (to as NSString).deletingLastPathComponent
                let next = calls[(index + 1)...].firstIndex { Self.isPublication($0) || $0.other.contains("/claim-") }
                #expect(
                    calls[index..<(next ?? calls.endIndex)].contains { $0.name == "fsync" && $0.path == folder },
                    "the work goes on before the name of \(to) is on the disk")
            }
        }

        /// A pack's entries are on the disk before its directory says that they are there, and the directory before the pack has its name.
        @Test func aPackIsDurableBeforeItIsClosed() async throws {
            let job = try await Self.job()
            let calls = try await Self.traced(job)
            let packs = calls.indices.filter {
                calls[$0].name == "rename" && calls[$0].other.hasPrefix("state/packs/")
                    && calls[$0].other.hasSuffix(".zip") && !calls[$0].other.contains(".parts/")
            }
            #expect(!packs.isEmpty)
            for index in packs {
                let parts = calls[index].other + ".parts/"
                let own = calls[..<index].indices.filter {
                    calls[$0].path.hasPrefix(parts) && calls[$0].path.hasSuffix(".zip")
                }
                let writes = own.filter { calls[$0].name == "write" }
                let directory = try #require(writes.last, "\(parts)")
                let flushes = own.filter { calls[$0].name == "fsync" }
                #expect(writes.count >= 2, "\(parts)")
                #expect(
                    flushes.contains { $0 > directory }, "\(parts) gets its name before its directory is on the disk")
                let entries = try #require(writes.dropLast().last, "\(parts)")
                #expect(
                    flushes.contains { $0 > entries && $0 < directory },
                    "the directory of \(parts) is written before its entries are on the disk")
            }
        }

        /// A claim says whose it is, on the disk, before it is one.
        @Test func claimsAreWholeWhereThereAreNoHardLinks() async throws {
            let job = try await Self.job()
            let file = job.folder.appending(path: "trace")
            let environment = try await FaultLibrary.environment(["TRACE": file.path, "LINKS": "none"])
            let outcome = try await job.run(["run", job.manifest.path], environment: environment)
            try #require(outcome.exitCode == 0, "\(outcome.summary)")
            let calls = try FaultLibrary.trace(file, in: job.folder)
            let taken = calls.indices.filter {
                calls[$0].name == "rename" && calls[$0].other.hasPrefix("state/claims/")
            }
            #expect(taken.count >= 4)
            for index in taken {
                let from = calls[index].path
                let write = try #require(calls[..<index].lastIndex { $0.name == "write" && $0.path == from })
                #expect(
                    calls[write..<index].contains { $0.name == "fsync" && $0.path == from }, "\(calls[index].other)")
            }
            #expect(!calls.contains { $0.name == "write" && $0.path.hasPrefix("state/claims/") })
        }

        /// A process that ends can publish nothing any more when its claims become free.
        @Test func theRightToPublishGoesBeforeTheClaims() async throws {
            let job = try await Self.job()
            let calls = try await Self.traced(job)
            let taken = try #require(calls.first { $0.name == "link" && $0.other == "state/claims/job" })
            let id = try #require(taken.path.split(separator: "/").dropFirst(2).first)
            let freed = try #require(calls.firstIndex { $0.name == "rename" && $0.path == "state/claims/job" })
            for folder in ["out/.work/\(id)", "state/work/\(id)"] {
                let removed = try #require(calls.firstIndex { $0.name == "rmdir" && $0.path == folder }, "\(folder)")
                #expect(removed < freed, "\(folder)")
            }
            #expect(try job.leftovers() == [])
        }

        /// Who takes over from a dead owner: first its folders go, then its claims, then the claim to do so.
        @Test func aTakeOverKeepsItsOrder() async throws {
            let job = try await Self.job()
            let dead = try await Self.killWriter(job)
            let held = try FileManager.default.contentsOfDirectory(atPath: job.state.appending(path: "claims").path)
            #expect(!held.isEmpty)
            let calls = try await Self.traced(job, ["--task", "0/1"])
            func first(_ name: String, _ path: String, _ other: String? = nil) throws -> Int {
                try #require(
                    calls.firstIndex { $0.name == name && $0.path == path && other.map($0.other.hasSuffix) ?? true },
                    "\(name) \(path) \(other ?? "")")
            }
            let fenced = try #require(
                calls.firstIndex { $0.name == "link" && $0.other == "state/claims/fence-\(dead)" })
            let moved = try first("rename", "state/work/\(dead)", "/fence-\(dead)")
            let emptied = try first("rmdir", calls[moved].other)
            let revoked = try first("rmdir", "out/.work/\(dead)")
            #expect(fenced < moved)
            #expect(moved < emptied)
            #expect(emptied < revoked)
            let released = try first("rename", "state/claims/fence-\(dead)")
            for claim in held {
                let freed = try first("rename", "state/claims/\(claim)")
                #expect(revoked < freed, "\(claim)")
                #expect(freed < released, "\(claim)")
            }
            #expect(Self.made(job) == Self.wanted)
        }
    }
}
