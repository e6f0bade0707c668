import Foundation
import Testing

/// A library that puts faults into a process with LD_PRELOAD: `servers/faults.c` says which.
enum FaultLibrary {
    private static let library = Task { () async throws -> String in
        let folder = try Harness.newFolder("faults")
        let library = folder.appending(path: "faults.so").path
        let source = Harness.scripts.appending(path: "servers/faults.c").path
        let compiler = try ChildProcess(
            URL(filePath: "/usr/bin/cc"), ["-shared", "-fPIC", "-O1", "-o", library, source], in: folder, name: "cc")
        let outcome = try await compiler.wait(atMost: 60)
        guard outcome.exitCode == 0 else { throw HarnessError("faults.c: \(outcome.summary)") }
        return library
    }

    /// The environment of a process that has these faults.
    static func environment(_ faults: [String: String]) async throws -> [String: String] {
        faults.merging(["LD_PRELOAD": try await library.value]) { $1 }
    }

    /// One call that `TRACE` has written down.
    struct Call: Sendable, Hashable {
        let name: String
        let path: String
        /// The new name of a link or a rename.
        let other: String
    }

    /// What `TRACE` has written down, in the order in which it was done; paths are relative to `folder`.
    static func trace(_ file: URL, in folder: URL) throws -> [Call] {
        try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { line in
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map {
                String($0).replacing(folder.path + "/", with: "")
            }
            try #require(parts.count == 3, "\(line)")
            return Call(name: parts[0], path: parts[1], other: parts[2])
        }
    }
}
