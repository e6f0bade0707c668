import Foundation
import Glibc
import JSONText
import TestSupport
import Testing

extension EndToEnd {
    /// Several processes on one state directory: none does what another one does, and the bytes are those of one alone.
    @Suite struct TaskTests {
        /// A library that puts the wall clock of a process off.
        private func wrongClock() async throws -> String {
            let folder = try Harness.newFolder("clock")
            let library = folder.appending(path: "clock.so").path
            let source = Harness.scripts.appending(path: "servers/clock.c").path
            let compiler = try ChildProcess(
                URL(filePath: "/usr/bin/cc"), ["-shared", "-fPIC", "-O1", "-o", library, source], in: folder, name: "cc"
            )
            let outcome = try await compiler.wait(atMost: 60)
            try #require(outcome.exitCode == 0, "\(outcome.summary)")
            return library
        }

        /// Some of them live an hour ago, some an hour ahead.
        @Test func sixtyFourAtOnce() async throws {
            let clean = try await Job.cleanTree()
            let server = try await S3Server(root: Replica.small().folder, ["--latency-ms", "10"])
            let job = try Job()
            let clock = try await wrongClock()
            let tasks = try (0..<64).map { index in
                try job.start(
                    ["run", job.manifest.path, "--endpoint", server.endpoint, "--task", "\(index)/64"],
                    environment: ["LD_PRELOAD": clock, "CLOCK_OFFSET": ["0", "-3600", "3600"][index % 3]])
            }
            for task in tasks {
                let outcome = try await task.wait(atMost: 170)
                #expect(outcome.exitCode == 0, "\(outcome.summary)")
            }
            #expect(try job.tree().differences(from: clean) == [])
            let log = try server.log()
            #expect(log.wholeChunks.filter { $0.value.count > 1 }.map(\.key) == [], "two fetched the same chunk")
            // Discover is shared out, too.
            let questions = Dictionary(grouping: log.entries.filter { !$0.isChunk }, by: { "\($0.method) \($0.key)" })
            #expect(questions.filter { $0.value.count > 1 && !$0.key.contains("list") }.map(\.key) == [])
            let leftovers = try job.leftovers()
            #expect(leftovers == [])
        }

        @Test func tasksKilledAtRandomEndWithTheSameBytes() async throws {
            let clean = try await Job.cleanTree()
            let server = try await S3Server(root: Replica.small().folder, ["--latency-ms", "5"])
            var random = SplitMix(seed: Harness.seed)
            var kills = 0
            while kills < Harness.kills {
                let job = try Job()
                kills += try await runThroughKills(job, server, atMost: Harness.kills - kills, &random)
                #expect(try job.tree().differences(from: clean) == [], "\(kills) kills, seed \(Harness.seed)")
                let leftovers = try job.leftovers()
                #expect(leftovers == [], "\(kills) kills, seed \(Harness.seed)")
            }
            #expect(kills == Harness.kills)
        }

        /// Keeps six tasks at work, each started again when it was killed, until all end by themselves.
        private func runThroughKills(
            _ job: Job, _ server: S3Server, atMost limit: Int, _ random: inout SplitMix
        ) async throws -> Int {
            let count = 6
            func start(_ index: Int) throws -> ChildProcess {
                try job.start(against: server, ["--task", "\(index)/\(count)"])
            }
            var tasks: [ChildProcess?] = try (0..<count).map { try start($0) }
            var kills = 0
            let most = min(limit, 12)
            var next = Date().addingTimeInterval(Double.random(in: 0.05...0.3, using: &random))
            while tasks.contains(where: { $0 != nil }) {
                try await Task.sleep(for: .milliseconds(5))
                for index in tasks.indices {
                    guard let task = tasks[index], !task.isRunning() else { continue }
                    let outcome = try await task.wait(atMost: 10)
                    tasks[index] = nil
                    if outcome.signal == SIGKILL {
                        tasks[index] = try start(index)
                    } else {
                        #expect(outcome.exitCode == 0, "\(outcome.summary)")
                    }
                }
                guard kills < most, Date() > next else { continue }
                next = Date().addingTimeInterval(Double.random(in: 0.02...0.2, using: &random))
                if let victim = tasks.compactMap({ $0 }).filter({ $0.isRunning() }).randomElement(using: &random) {
                    victim.send(SIGKILL)
                    kills += 1
                }
            }
            return kills
        }

        @Test func aSleeperWhoseWorkWasTakenOverPublishesNothing() async throws {
            let clean = try await Job.cleanTree()
            let slow = try await S3Server(root: Replica.small().folder, ["--latency-ms", "150"])
            let job = try Job()
            let sleeper = try job.start(against: slow, ["--task", "0/2"])
            try #require(try await slow.waitForChunks(3, while: sleeper), "it ended before it could be stopped")
            sleeper.send(SIGSTOP)
            let quick = try await S3Server(root: Replica.small().folder)
            let other = try await job.run(against: quick, ["--task", "1/2"])
            #expect(other.exitCode == 0, "\(other.summary)")
            #expect(try job.tree().differences(from: clean) == [], "the other did not do all of it")
            let before = try job.tree()
            sleeper.send(SIGCONT)
            let late = try await sleeper.wait(atMost: 60)
            #expect(late.exitCode == 75, "\(late.summary)")
            #expect(late.errors.contains("taken over"), "\(late.summary)")
            #expect(try job.tree().differences(from: before) == [])
            let leftovers = try job.leftovers()
            #expect(leftovers == [])
        }

        @Test func onlyOneRunOfTheWholeJobAtATime() async throws {
            let clean = try await Job.cleanTree()
            let server = try await S3Server(root: Replica.small().folder, ["--latency-ms", "40"])
            let job = try Job()
            let runs = try (0..<8).map { _ in try job.start(against: server) }
            var outcomes: [(pid: pid_t, outcome: ChildProcess.Outcome)] = []
            for run in runs { outcomes.append((run.pid, try await run.wait(atMost: 600))) }
            let winners = outcomes.filter { $0.outcome.exitCode == 0 }
            #expect(winners.count == 1, "\(outcomes.map(\.outcome.summary))")
            let winner = try #require(winners.first)
            for (_, outcome) in outcomes where outcome.exitCode != 0 {
                #expect(outcome.exitCode == 75, "\(outcome.summary)")
                #expect(outcome.errors.contains("process \(winner.pid) on "), "\(outcome.summary)")
                #expect(outcome.seconds < winner.outcome.seconds)
            }
            #expect(try job.tree().differences(from: clean) == [])
            #expect(try server.log().wholeChunks.filter { $0.value.count > 1 }.map(\.key) == [])
        }

        @Test func tasksAndTheWholeJobKeepEachOtherOut() async throws {
            let server = try await S3Server(root: Replica.small().folder, ["--latency-ms", "100"])
            let job = try Job()
            let task = try job.start(against: server, ["--task", "1/2"])
            try #require(try await server.waitForChunks(1, while: task))
            let whole = try await job.run(against: server)
            #expect(whole.exitCode == 75, "\(whole.summary)")
            #expect(whole.errors.contains("process \(task.pid) on ") && whole.errors.contains("task 1/2"))
            #expect(try await task.wait(atMost: 600).exitCode == 0)

            try job.wipe()
            let seen = try server.log().entries.count
            let run = try job.start(against: server)
            while try server.log(skipping: seen).wholeChunks.isEmpty {
                try #require(run.isRunning())
                try await Task.sleep(for: .milliseconds(10))
            }
            let late = try await job.run(against: server, ["--task", "0/2"])
            #expect(late.exitCode == 75, "\(late.summary)")
            #expect(late.errors.contains("process \(run.pid) on "), "\(late.summary)")
            #expect(try await run.wait(atMost: 600).exitCode == 0)
        }

        /// A broken item is tried by its own task, not by everybody; the last one tells of it.
        @Test func whatFailsIsTriedOnce() async throws {
            let replica = try await Replica.small()
            let key = try #require(try await replica.rawChunks(ofCrop: 124).first)
            let broken = try await S3Server(root: replica.folder, ["--always-500", key])
            let job = try Job(["limits": ["connections": 8, "max_attempts": 2, "claim_seconds": 5]])
            let tasks = try (0..<6).map { try job.start(against: broken, ["--task", "\($0)/6"]) }
            var codes: [Int32?] = []
            for task in tasks { codes.append(try await task.wait(atMost: 600).exitCode) }
            #expect(codes.contains(1) && codes.allSatisfy { $0 == 0 || $0 == 1 }, "\(codes)")
            #expect(try broken.log().entries.count { $0.key.hasSuffix(key) } == 2)
            let failed = try JSONValue(parsing: Data(contentsOf: job.state.appending(path: "failed.json")))
            #expect(failed["only"] == ["crop_124"])
            let status = try await job.run(["status", job.manifest.path, "--json"])
            let report = try JSONValue(parsing: Array(status.output.utf8))
            #expect(report["stages"]?["download"]?["failed"] == 1, "\(status.output)")
            #expect(report["running"] == false)
        }

        @Test func stagesOneByOneGiveTheSameBytes() async throws {
            let clean = try await Job.cleanTree()
            let server = try await S3Server(root: Replica.small().folder)
            let job = try Job()
            let early = try await job.run(against: server, ["--stage", "convert"])
            #expect(early.exitCode == 75, "\(early.summary)")
            #expect(early.errors.contains("wait for download"), "\(early.summary)")
            for stages in [["download"], ["convert", "stat"], ["resize"]] {
                let outcome = try await job.run(against: server, stages.flatMap { ["--stage", $0] })
                #expect(outcome.exitCode == 0, "\(outcome.summary)")
            }
            #expect(try job.tree().differences(from: clean) == [])
        }

        @Test func packsOnADiskOfTheNode() async throws {
            let clean = try await Job.cleanTree()
            let server = try await S3Server(root: Replica.small().folder, ["--latency-ms", "30"])
            let job = try Job()
            let scratch = try Harness.newFolder("scratch")
            let first = try job.start(against: server, ["--scratch", scratch.path])
            try #require(try await server.waitForChunks(5, while: first))
            first.send(SIGKILL)
            _ = try await first.wait(atMost: 10)
            #expect(!FileManager.default.fileExists(atPath: job.state.appending(path: "packs").path))
            let again = try await job.run(against: server, ["--scratch", scratch.path])
            #expect(again.exitCode == 0, "\(again.summary)")
            #expect(try job.tree().differences(from: clean) == [])
        }

        @Test func theTimeBudgetEndsInGoodOrder() async throws {
            let clean = try await Job.cleanTree()
            let server = try await S3Server(root: Replica.small().folder, ["--latency-ms", "60"])
            let job = try Job()
            var runs = 0
            while true {
                let outcome = try await job.run(against: server, ["--time-budget", "1"])
                if outcome.exitCode == 0 { break }
                runs += 1
                try #require(outcome.exitCode == 75 && runs < 100, "\(outcome.summary)")
            }
            #expect(runs > 0, "the job was over before the time was")
            #expect(try job.tree().differences(from: clean) == [])
            #expect(try server.log().wholeChunks.filter { $0.value.count > 1 }.map(\.key) == [])
        }
    }
}

extension Job {
    /// Claims and folders of owners that are still there after everybody has ended.
    func leftovers() throws -> [String] {
        try [state.appending(path: "claims"), state.appending(path: "work"), out.appending(path: ".work")].flatMap {
            place in
            guard FileManager.default.fileExists(atPath: place.path) else { return [String]() }
            return try FileManager.default.contentsOfDirectory(atPath: place.path).filter { $0 != "job.json" }
                .map { "\(place.lastPathComponent)/\($0)" }
        }
    }
}
