import Foundation
import Glibc
import JSONText
import Testing

extension EndToEnd {
    /// What machines read of a run: one start and one end, however it ends, and nothing that is not JSON.
    @Suite struct EventTests {
        /// Checks the lines of a run; returns the end.
        private func end(_ outcome: ChildProcess.Outcome, code: Int32) throws -> JSONValue {
            #expect(outcome.exitCode == code, "\(outcome.summary)")
            let lines = outcome.errors.split(separator: "\n")
            let events = lines.compactMap { try? JSONValue(parsing: $0.utf8) }
            #expect(events.count == lines.count, "not JSON: \(outcome.errors)")
            #expect(events.filter { $0["event"] == "start" }.count == 1, "\(outcome.errors)")
            let ends = events.filter { $0["event"] == "end" }
            #expect(ends.count == 1, "\(outcome.errors)")
            let end = try #require(ends.first)
            #expect(events.last == end, "\(outcome.errors)")
            #expect(end["exit_code"] == .integer(Int(code)))
            let numbers = ["items", "done", "already_done", "failed", "waiting", "left_out"].compactMap {
                end[$0]?.integer
            }
            #expect(numbers.count == 6, "\(end)")
            #expect((end["reason"]?.string == nil) == (code == 0), "\(end)")
            let sum = numbers.dropFirst().reduce(0, +) + (end["elsewhere"]?.integer ?? 0)
            if code != 75 { #expect(numbers[0] == sum, "it does not balance: \(end)") }
            return end
        }

        private func localJob(_ changes: [String: JSONValue] = [:]) throws -> Job {
            try Job(["source": "sample:", "datasets": ["smp_mus-nacc-2"]].merging(changes) { $1 })
        }

        @Test func everyEndIsOneEvent() async throws {
            let job = try localJob()
            // All done, and once more.
            let done = try end(try await job.run(["run", job.manifest.path]), code: 0)
            #expect(done["done"] == done["items"])
            let again = try end(try await job.run(["run", job.manifest.path]), code: 0)
            #expect(again["already_done"] == done["items"])
            // A stage that was not asked for.
            try job.wipe()
            let waiting = try end(try await job.run(["run", job.manifest.path, "--stage", "convert"]), code: 75)
            #expect(waiting["waiting"] == waiting["items"] && waiting["reason"]?.string?.contains("wait") == true)
            // A dataset that is not there.
            try job.write(["source": "sample:", "datasets": ["smp_nothing"]])
            _ = try await job.run(["run", job.manifest.path])
            // A source that cannot be one.
            try job.write(["source": "file:///nowhere/at/all", "datasets": ["a"]])
            let nowhere = try await job.run(["run", job.manifest.path])
            #expect([1, 75, 78].contains(nowhere.exitCode ?? 0), "\(nowhere.summary)")
            _ = try end(nowhere, code: nowhere.exitCode ?? 0)
            // Output that cannot be written.
            try job.write(["source": "sample:", "datasets": ["smp_mus-nacc-2"], "output": "/dev/null/out"])
            let unwritable = try end(try await job.run(["run", job.manifest.path]), code: 74)
            #expect(unwritable["reason"]?.string?.contains("/dev/null") == true)
            // The time is over before it has begun.
            try job.write(["source": "sample:", "datasets": ["smp_mus-nacc-2"]])
            let late = try await job.run(["run", job.manifest.path, "--time-budget", "1"])
            if late.exitCode != 0 { _ = try end(late, code: 75) }
        }

        @Test func textEndsWithHowItEnded() async throws {
            let job = try localJob(["output": "/dev/null/out"])
            let outcome = try await job.run(["run", job.manifest.path, "--log-format", "text"])
            #expect(outcome.exitCode == 74)
            let last = outcome.errors.split(separator: "\n").last ?? ""
            #expect(last.contains("exit 74") && last.contains("/dev/null"), "\(outcome.errors)")
        }

        /// All that was asked for is left out: that is no failure, and the last line says why there is nothing.
        @Test func theLastLineSaysWhyNothingWasMade() async throws {
            let job = try Job(["source": "sample:", "only": ["crop_178", "crop_282"]])
            let event = try end(try await job.run(["run", job.manifest.path]), code: 0)
            #expect(event["items"] == 2 && event["left_out"] == 2)
            let again = try await job.run(["run", job.manifest.path, "--log-format", "text"])
            #expect(again.exitCode == 0)
            let last = again.errors.split(separator: "\n").last ?? ""
            #expect(last.contains("nothing was made"), "\(again.errors)")
            #expect(last.contains("1 too coarse, 1 not annotated"), "\(again.errors)")
            #expect(!FileManager.default.fileExists(atPath: job.out.appending(path: "crops").path))
        }

        /// Whoever is kept out says so in the same form.
        @Test func lockedOutIsOneEvent() async throws {
            let replica = try await Replica.small()
            let server = try await S3Server(root: replica.folder, ["--latency-ms", "2000"])
            let job = try Job()
            let first = try job.start(against: server)
            let owners = job.state.appending(path: "claims/job").path
            for _ in 0..<500 where !FileManager.default.fileExists(atPath: owners) {
                try await Task.sleep(for: .milliseconds(10))
            }
            let late = try end(try await job.run(against: server), code: 75)
            #expect(late["reason"]?.string?.contains("process \(first.pid) on ") == true, "\(late)")
            first.send(SIGKILL)
            _ = try await first.wait(atMost: 30)
        }

        /// A server that never answers: the job ends in time all the same, and a second signal ends it at once.
        @Test(arguments: [false, true]) func aHangingServerDoesNotHoldUpTheEnd(twice: Bool) async throws {
            let server = try await S3Server(root: Replica.small().folder, ["--latency-ms", "600000"])
            let job = try Job()
            let process = try job.start(against: server)
            for _ in 0..<500 where !process.text(of: process.errorFile).contains("\"start\"") {
                try await Task.sleep(for: .milliseconds(10))
            }
            try await Task.sleep(for: .milliseconds(300))
            let start = Date()
            process.send(SIGTERM)
            if twice {
                try await Task.sleep(for: .milliseconds(300))
                process.send(SIGTERM)
            }
            let outcome = try await process.wait(atMost: 30)
            #expect(Date().timeIntervalSince(start) < (twice ? 4 : 12))
            let end = try end(outcome, code: 75)
            #expect(end["reason"]?.string?.contains("signal 15") == true, "\(end)")
        }

        /// What tasks say adds up: each item is done by one of them, and each of them accounts for all.
        @Test func tasksAccountForAllItems() async throws {
            let bucket = try await Replica.small().folder.appending(path: "janelia-cosem-datasets")
            let job = try Job(["source": .string("file://\(bucket.path)")])
            let tasks = try (0..<3).map { try job.start(["run", job.manifest.path, "--task", "\($0)/3"]) }
            var ends: [JSONValue] = []
            for task in tasks { ends.append(try end(try await task.wait(atMost: 600), code: 0)) }
            let done = ends.compactMap { $0["done"]?.integer }.reduce(0, +)
            let items = try #require(ends.first?["items"]?.integer)
            // Crop 176 has no mitochondrion: each of them finds that out, or sees that another has.
            #expect(ends.allSatisfy { $0["left_out"] == 1 }, "\(ends)")
            #expect(items > 3 && done == items - 1, "\(ends)")
            // Where all is done, each task has its own share, and the rest is elsewhere.
            let again = try await job.run(["run", job.manifest.path, "--task", "0/3"])
            let end = try end(again, code: 0)
            #expect(end["done"] == 0 && (end["elsewhere"]?.integer ?? 0) > 0, "\(end)")
        }

        /// Half a document is worse than none.
        @Test(arguments: [["schema"], ["status"], ["plan"], ["--help"]]) func aFullDeviceIsAnError(verb: [String])
            async throws
        {
            let job = try localJob()
            let manifest = verb == ["status"] || verb == ["plan"] ? [job.manifest.path] : []
            let command = ([try Harness.binary().path] + verb + manifest).map { "'\($0)'" }.joined(separator: " ")
            let child = try ChildProcess(
                URL(filePath: "/bin/sh"), ["-c", "exec \(command) > /dev/full"], in: job.folder, name: "full")
            let outcome = try await child.wait(atMost: 60)
            #expect(outcome.exitCode == 74, "\(outcome.summary)")
            #expect(outcome.errors.contains("stdout"), "\(outcome.summary)")
        }

        /// Digits in a name do not make it a number.
        @Test func numbersAreNumbersAndNamesAreNames() async throws {
            let job = try localJob(["job": "0042"])
            let outcome = try await job.run(["run", job.manifest.path, "--stage", "discover"])
            let start = try #require(outcome.errors.split(separator: "\n").first)
            #expect(try JSONValue(parsing: start.utf8)["job"] == "0042", "\(start)")
        }
    }
}
