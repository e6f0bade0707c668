internal import Arrays
package import Foundation
internal import Glibc
package import JSONText
package import Job
package import Logging
package import Manifest
internal import Report
package import Scheduling

/// What a job has written, and the verbs that look at it.
extension SmallJob {
    package static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    package func manifest(
        _ members: [String: JSONValue] = [:], overrides: Manifest.Overrides = Manifest.Overrides()
    ) throws -> Manifest {
        var manifest: [String: JSONValue] = ["source": "bucket", "datasets": ["*"]]
        manifest.merge(members) { $1 }
        return try Manifest(
            parsing: Array(JSONValue.object(manifest).prettyText.utf8), folder: folder, overrides: overrides)
    }

    /// One that only looks.
    package func looking(_ members: [String: JSONValue] = [:]) throws -> JobContext {
        let context = try JobContext.looking(at: try manifest(members), stop: StopSignal(), logger: Self.quiet)
        guard let context else { throw Missing(what: "folders of the job") }
        return context
    }

    package func run(_ members: [String: JSONValue], options: Runner.Options) async throws -> Runner.Outcome {
        try await Runner(try context(members), options: options).run()
    }

    /// The files that `verify` calls bad, sorted.
    package func bad(_ members: [String: JSONValue] = [:]) async throws -> [String] {
        try await Verification(try looking(members)).verify().filter { $0.problem != nil }.map(\.path).sorted()
    }

    /// The files that `verify` has a note on, sorted.
    package func noted(_ members: [String: JSONValue] = [:]) async throws -> [String] {
        try await Verification(try looking(members)).verify().filter { $0.note != nil }.map(\.path).sorted()
    }

    /// Makes anew what is bad. Returns what is bad still.
    package func repair(_ members: [String: JSONValue] = [:]) async throws -> [String] {
        let findings = try await Verification(try looking(members)).verify()
        return try await Verification.repair(findings, try context(members)).bad.map(\.path).sorted()
    }

    /// What `prune` lists, without the job's folder before it, sorted.
    package func pruned(_ members: [String: JSONValue] = [:], deleting: Bool = false) async throws -> [String] {
        let pruning = Pruning(try looking(members))
        let found = try await deleting ? pruning.delete() : pruning.find()
        return found.paths.map { String($0.dropFirst(folder.count + 1)) }.sorted()
    }

    /// All files below a folder with their bytes, without what belongs to owners and jobs.
    package func files(_ name: String = "out") throws -> [String: Data] {
        var files: [String: Data] = [:]
        for file in try FileManager.default.subpathsOfDirectory(atPath: "\(folder)/\(name)")
        where !file.hasPrefix(".work") {
            files[file] = FileManager.default.contents(atPath: "\(folder)/\(name)/\(file)")
        }
        return files
    }

    /// Number, size and time of every file below `out`: what has been written since tells by it.
    package func stamps() throws -> [String: [Int]] {
        var stamps: [String: [Int]] = [:]
        for file in try files().keys {
            var status = stat()
            guard lstat("\(folder)/out/\(file)", &status) == 0 else { continue }
            stamps[file] = [
                Int(status.st_ino), Int(status.st_size), Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec),
            ]
        }
        return stamps
    }

    /// The files below `out` that were written, made or removed since.
    package func written(since before: [String: [Int]]) throws -> [String] {
        let after = try stamps()
        return Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }.sorted()
    }

    /// Changes one byte of a file below `out`, at a part of its length, and keeps its time.
    package func flip(_ file: String, at part: Double = 0.5) throws {
        let path = "\(folder)/out/\(file)"
        let date = try FileManager.default.attributesOfItem(atPath: path)[.modificationDate]
        let handle = try FileHandle(forUpdating: URL(filePath: path))
        let offset = UInt64(Double(try handle.seekToEnd()) * part)
        try handle.seek(toOffset: offset)
        guard let byte = try handle.read(upToCount: 1)?.first else { throw Missing(what: "bytes of \(file)") }
        try handle.seek(toOffset: offset)
        try handle.write(contentsOf: [byte ^ 1])
        try handle.close()
        if let date { try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: path) }
    }

    /// Cuts a file below `out` to half of its length.
    package func cut(_ file: String) throws {
        let handle = try FileHandle(forUpdating: URL(filePath: "\(folder)/out/\(file)"))
        try handle.truncate(atOffset: try handle.seekToEnd() / 2)
        try handle.close()
    }

    package func remove(_ file: String) throws { try FileManager.default.removeItem(atPath: "\(folder)/\(file)") }
}
