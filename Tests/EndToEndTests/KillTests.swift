import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Ended at any instant, by force or by request, and run again: the same bytes, and no work twice.
    @Suite struct KillTests {
        /// Chunks which were whole this long (seconds) before a kill must have been kept.
        static let settled = 0.5
        /// How far the clocks of the log and of the kills may be apart, in seconds.
        static let skew = 0.25
        static let connections = 8

        @Test func killedAtAnyInstantEndsWithTheSameBytes() async throws {
            let clean = try await Job.cleanTree()
            let span = try await Job.cleanSeconds()
            let server = try await S3Server(
                root: Replica.small().folder, ["--latency-ms", "3", "--page-size", "20"])
            let job = try Job()
            var random = SplitMix(seed: Harness.seed)
            var kills = 0
            var rounds = 0
            while kills < Harness.kills {
                rounds += 1
                try job.wipe()
                let before = try server.log().entries.count
                let times = try await runThroughKills(
                    job, server, atMost: Harness.kills - kills, within: max(0.2, span * 0.6), &random)
                kills += times.count
                let context = "round \(rounds), \(times.count) kills, seed \(Harness.seed)"
                #expect(try job.tree().differences(from: clean) == [], "\(context)")
                check(try server.log(skipping: before), kills: times, context)
                // A round which is over before any kill would come again and again.
                try #require(!times.isEmpty || rounds < 10 * Harness.kills, "the program is too quick to be killed")
            }
            #expect(kills == Harness.kills)
        }

        /// Starts the job again and again until it ends by itself; returns when it was killed, in seconds since 1970.
        private func runThroughKills(
            _ job: Job, _ server: S3Server, atMost limit: Int, within span: Double, _ random: inout SplitMix
        ) async throws -> [Double] {
            var times: [Double] = []
            var lockedOut = 0
            while true {
                let process = try job.start(against: server)
                let end = Date().addingTimeInterval(Double.random(in: 0.01...span, using: &random))
                while process.isRunning(), times.count == limit || Date() < end {
                    try await Task.sleep(for: .milliseconds(5))
                    guard times.count == limit else { continue }
                    break
                }
                if times.count < limit, process.isRunning() {
                    times.append(Date().timeIntervalSince1970)
                    process.send(SIGKILL)
                }
                let outcome = try await process.wait(atMost: 600)
                if outcome.exitCode == 0 { return times }
                if outcome.signal == SIGKILL { continue }
                // A killed process may have left a claim behind, which has to run out.
                guard outcome.exitCode == 75, lockedOut < 60 else {
                    throw HarnessError("after \(times.count) kills: \(outcome.summary)")
                }
                lockedOut += 1
                try await Task.sleep(for: .milliseconds(500))
            }
        }

        /// A chunk may only be sent twice where a kill came within `settled` seconds after the first time.
        private func check(_ log: ServerLog, kills: [Double], _ context: String) {
            let chunks = log.wholeChunks
            let sent = chunks.values.reduce(0) { $0 + $1.count }
            #expect(sent <= chunks.count + kills.count * Self.connections, "\(context)")
            for (key, times) in chunks {
                for (first, second) in zip(times, times.dropFirst()) {
                    let excused = kills.contains {
                        $0 >= first - Self.skew && $0 < first + Self.settled && $0 <= second + Self.skew
                    }
                    #expect(
                        excused, "\(key) was sent at \(first) and again at \(second), kills at \(kills): \(context)")
                }
            }
        }

        @Test(arguments: [SIGTERM, SIGINT, SIGUSR1, SIGHUP])
        func stopsOnRequestAndGoesOn(signal: Int32) async throws {
            let clean = try await Job.cleanTree()
            let server = try await S3Server(root: Replica.small().folder, ["--latency-ms", "60"])
            let job = try Job()
            let process = try job.start(against: server)
            try #require(try await server.waitForChunks(5, while: process), "it ended before it could be stopped")
            process.send(signal)
            let stopped = try await process.wait(atMost: 60)
            #expect(stopped.exitCode == 75, "\(stopped.summary)")
            let outcome = try await job.run(against: server)
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            #expect(try job.tree().differences(from: clean) == [])
            let chunks = try server.log().wholeChunks
            #expect(chunks.filter { $0.value.count > 1 }.map(\.key) == [], "what was in flight was not kept")
        }
    }
}
