import Foundation
import Glibc
import JSONText
import TestSupport
import Testing

extension EndToEnd {
    /// Tasks that are paused at any instant, longer than their claims last, and go on while others have their work.
    @Suite struct PauseTests {
        private static let claimSeconds = 2
        private static let tasks = 3

        @Test(arguments: ["crops", "volumes"]) func pausedOwnersDoNoHarm(mode: String) async throws {
            let limits: JSONValue = [
                "connections": 4, "memory": "256MiB", "claim_seconds": .integer(Self.claimSeconds),
            ]
            var changes: [String: JSONValue] = ["limits": limits]
            var root = try await Replica.small().folder
            if mode == "volumes" {
                root = try await VolumeTests.replica.value
                changes["mode"] = "volumes"
                changes["select"] = "all"
                changes["source"] = .string("s3://\(VolumeTests.bucket)")
                changes["classes"] = .null
                changes["datasets"] = ["vol-zarr", "vol-int16", "vol-fine"]
            }
            let server = try await S3Server(
                root: root, ["--latency-ms", mode == "crops" ? "20" : "5", "--page-size", "20"])
            let reference = try Job(changes)
            let whole = try await reference.run(against: server)
            try #require(whole.exitCode == 0, "\(whole.summary)")
            let clean = try reference.tree()
            let job = try Job(changes)
            var random = SplitMix(seed: Harness.seed)
            var pauses = 0
            var rounds = 0
            let wanted = max(1, Harness.pauses / 2)
            while pauses < wanted {
                rounds += 1
                try job.wipe()
                pauses += try await round(job, server, atMost: wanted - pauses, &random)
                let context = "round \(rounds), \(pauses) pauses, seed \(Harness.seed)"
                #expect(try job.tree().differences(from: clean) == [], "\(context)")
                #expect(try job.leftovers() == [], "\(context)")
                try #require(rounds < 10 * wanted, "the program is too quick to be paused")
            }
        }

        /// Runs the tasks until one of them has ended the job; returns how often one was paused for longer than its claims last.
        private func round(
            _ job: Job, _ server: S3Server, atMost limit: Int, _ random: inout SplitMix
        ) async throws -> Int {
            var pauses = 0
            var isDone = false
            var starts = 0
            while !isDone {
                let tasks = try (0..<Self.tasks).map {
                    try job.start(against: server, ["--task", "\($0)/\(Self.tasks)"])
                }
                starts += 1
                try #require(starts < 20, "the job does not come to an end")
                if pauses < limit {
                    let paused = tasks[Int.random(in: 0..<Self.tasks, using: &random)]
                    try await Task.sleep(for: .seconds(Double.random(in: 0.05...1.2, using: &random)))
                    if paused.isRunning() {
                        paused.send(SIGSTOP)
                        pauses += 1
                        let seconds = Double(Self.claimSeconds) + Double.random(in: 0.5...3, using: &random)
                        try await Task.sleep(for: .seconds(seconds))
                        paused.send(SIGCONT)
                    }
                }
                for task in tasks {
                    let outcome = try await task.wait(atMost: 180)
                    #expect(outcome.exitCode == 0 || outcome.exitCode == 75, "\(outcome.summary)")
                    if outcome.exitCode == 0 { isDone = true }
                }
            }
            // Whoever was the last may have left before one that was paused gave up.
            let last = try await job.run(against: server)
            #expect(last.exitCode == 0, "\(last.summary)")
            return pauses
        }
    }
}
