import Foundation
import Glibc
import JSONText
import TestSupport
import Testing

extension EndToEnd {
    /// One byte of the state directory is another one: whatever it was, the next run ends by itself, with the right bytes or with the
    /// damaged file's name.
    @Suite struct FlipTests {
        /// A state of the job, kept aside.
        private struct State {
            let name: String
            let folder: URL
        }

        /// How a run goes on from a state.
        private enum Course: CaseIterable {
            case run, task, refresh, lostCrop, lostSummaries
        }

        /// Folders of the state directory are chosen with equal chances, or packs, which are large, would be all that is damaged.
        private struct Place: CustomStringConvertible {
            let path: String
            let offset: Int
            let change: UInt8

            var description: String { "\(path) byte \(offset) ^ \(change)" }
            /// What a message about it has to say; a journal is part of its pack.
            var name: String {
                let name = path.split(separator: "/").last.map(String.init) ?? path
                return name.hasSuffix(".absent") ? String(name.dropLast(7)) : name
            }

            init?(in state: URL, _ random: inout SplitMix) throws {
                var kinds: [String: [(path: String, size: Int)]] = [:]
                for path in try FileManager.default.subpathsOfDirectory(atPath: state.path).sorted() {
                    var status = stat()
                    guard lstat("\(state.path)/\(path)", &status) == 0, status.st_mode & S_IFMT == S_IFREG,
                        status.st_size > 0
                    else { continue }
                    var kind = String(path.split(separator: "/")[0])
                    if path.hasSuffix(".absent") { kind += " journal" }
                    kinds[kind, default: []].append((path, Int(status.st_size)))
                }
                guard let kind = kinds.keys.sorted().randomElement(using: &random),
                    let file = kinds[kind]?.randomElement(using: &random)
                else { return nil }
                path = file.path
                offset = Int.random(in: 0..<file.size, using: &random)
                change =
                    [1, 2, 4, 16, 32, 128, UInt8.random(in: 1...255, using: &random)].randomElement(using: &random) ?? 1
            }

            func flip(in state: URL) throws {
                let file = try FileHandle(forUpdating: state.appending(path: path))
                defer { try? file.close() }
                try file.seek(toOffset: UInt64(offset))
                guard let byte = try file.read(upToCount: 1)?.first else {
                    throw HarnessError("\(self): no byte there")
                }
                try file.seek(toOffset: UInt64(offset))
                try file.write(contentsOf: [byte ^ change])
            }
        }

        /// Copies output and state, with their times and links, as a killed process leaves them.
        private func copy(_ from: URL, _ to: URL) async throws {
            for name in ["out", "state"] where FileManager.default.fileExists(atPath: from.appending(path: name).path) {
                let child = try ChildProcess(
                    URL(filePath: "/bin/cp"), ["-a", from.appending(path: name).path, to.path], in: Harness.scratch,
                    name: "copy")
                let outcome = try await child.wait(atMost: 60)
                guard outcome.exitCode == 0 else { throw HarnessError("cp: \(outcome.summary)") }
            }
        }

        /// Finished, killed at three moments, and stopped before the second half.
        private func states(_ job: Job, _ seconds: Double, _ random: inout SplitMix) async throws -> [State] {
            var states: [State] = []
            func keep(_ name: String) async throws {
                let folder = try Harness.newFolder("flip-\(name)")
                try await copy(job.folder, folder)
                states.append(State(name: name, folder: folder))
            }
            try await keep("finished")
            try job.wipe()
            _ = try await job.run(["run", job.manifest.path, "--stage", "discover", "--stage", "download"])
            try await keep("downloaded")
            for number in 1...3 {
                try job.wipe()
                let process = try job.start(["run", job.manifest.path])
                let end = Date().addingTimeInterval(seconds * Double.random(in: 0.3...0.9, using: &random))
                while process.isRunning(), Date() < end { try await Task.sleep(for: .milliseconds(2)) }
                process.send(SIGKILL)
                _ = try await process.wait(atMost: 60)
                try await keep("killed-\(number)")
            }
            return states
        }

        @Test func aFlippedByteIsNoticedOrHarmless() async throws {
            let bucket = try await Replica.small().folder.appending(path: "janelia-cosem-datasets")
            let job = try Job([
                "source": .string("file://\(bucket.path)"), "convert": ["keep_packs": true],
            ])
            let first = try await job.run(["run", job.manifest.path])
            #expect(first.exitCode == 0, "\(first.summary)")
            let clean = try job.tree()
            var random = SplitMix(seed: Harness.seed)
            let states = try await states(job, first.seconds, &random)
            for number in 0..<Harness.flips {
                let state = try #require(states.randomElement(using: &random))
                let course = Course.allCases.randomElement(using: &random) ?? .run
                try job.wipe()
                try await copy(state.folder, job.folder)
                guard let place = try Place(in: job.state, &random) else { continue }
                try place.flip(in: job.state)
                let problem: String?
                do {
                    problem = try await goOn(job, course, clean, place)
                } catch let error as HarnessError {
                    // It was killed because it did not end.
                    problem = "\(error)"
                }
                #expect(problem == nil, "flip \(number), seed \(Harness.seed): \(state.name), \(place), \(course)")
            }
        }

        /// - Returns: what is wrong with how it ended; nil where nothing is.
        private func goOn(_ job: Job, _ course: Course, _ clean: FileTree, _ place: Place) async throws -> String? {
            var arguments = ["run", job.manifest.path]
            switch course {
            case .run: break
            case .task: arguments += ["--task", "1/1"]
            case .refresh: arguments.append("--refresh")
            case .lostCrop: try? FileManager.default.removeItem(at: job.out.appending(path: "crops/crop_7.h5"))
            case .lostSummaries: try? FileManager.default.removeItem(at: job.state.appending(path: "summaries.json"))
            }
            var said = ""
            // Claims of those who were killed may have to run out.
            for attempt in 0..<20 {
                let outcome = try await job.start(arguments).wait(atMost: 60)
                said += outcome.errors
                guard let code = outcome.exitCode else { return "signal \(outcome.signal ?? 0): \(outcome.summary)" }
                if code == 0 {
                    // What lies there belongs to owners. One whose own file is damaged is cleared away only after `claim_seconds`.
                    let differences = try job.tree().differences(from: clean).filter { !$0.hasPrefix(".work/") }
                    return differences.isEmpty ? nil : "exit 0 with \(differences.prefix(4)): \(said.suffix(800))"
                }
                guard [1, 74, 75, 78].contains(code) else { return outcome.summary }
                if code != 75 { return said.contains(place.name) ? nil : "not named: \(outcome.summary)" }
                guard attempt < 19 else { return "75 for ever: \(outcome.summary)" }
                try await Task.sleep(for: .milliseconds(500))
            }
            return nil
        }
    }
}
