import Foundation
import Glibc
import JSONText

/// One manifest with its output and state folders, and the program that works on it.
final class Job: Sendable {
    let folder: URL
    var manifest: URL { folder.appending(path: "config.json") }
    var out: URL { folder.appending(path: "out") }
    var state: URL { folder.appending(path: "state") }

    /// What the manifests of these tests say unless a test says otherwise.
    static let standard: [String: JSONValue] = [
        "job": "mito-8nm",
        "source": "s3://janelia-cosem-datasets",
        "datasets": ["*"],
        "classes": ["mito"],
        "target_nm": 8,
        "limits": ["connections": 8, "memory": "256MiB", "max_attempts": 10, "claim_seconds": 5],
    ]

    /// A new folder with a manifest; `changes` replace members of the standard one, null takes one out.
    init(_ changes: [String: JSONValue] = [:]) throws {
        folder = try Harness.newFolder("job")
        try write(changes)
    }

    /// Writes the manifest anew.
    func write(_ changes: [String: JSONValue]) throws {
        let members = Self.standard.merging(changes) { $1 }.filter { !$0.value.isNull }
        try Data(JSONValue.object(members).prettyText.utf8).write(to: manifest)
    }

    /// Starts `cristae` with these arguments.
    func start(_ arguments: [String], environment: [String: String] = [:]) throws -> ChildProcess {
        let name = "run-\(UUID().uuidString.prefix(8))"
        return try ChildProcess(Harness.binary(), arguments, environment: environment, in: folder, name: name)
    }

    /// Starts `cristae run` on the manifest against a server.
    func start(against server: S3Server, _ arguments: [String] = []) throws -> ChildProcess {
        try start(["run", manifest.path, "--endpoint", server.endpoint] + arguments)
    }

    /// Runs `cristae run` on the manifest against a server to its end.
    func run(against server: S3Server, _ arguments: [String] = [], atMost seconds: Double = 600) async throws
        -> ChildProcess.Outcome
    {
        try await start(against: server, arguments).wait(atMost: seconds)
    }

    /// Runs `cristae` with any arguments to its end.
    func run(_ arguments: [String], environment: [String: String] = [:]) async throws -> ChildProcess.Outcome {
        try await start(arguments, environment: environment).wait(atMost: 600)
    }

    /// Removes output and state, so that the next run begins from nothing.
    func wipe() throws {
        for place in [out, state] where FileManager.default.fileExists(atPath: place.path) {
            try FileManager.default.removeItem(at: place)
        }
    }

    /// The files below `out`.
    func tree() throws -> FileTree { try FileTree(of: out) }

    /// What `check_outputs.py` has to complain about, and its last line.
    func complaints(about replica: Replica, _ arguments: [String] = []) async throws -> [String] {
        let outcome = try await Harness.scriptOutcome("check_outputs.py", [replica.folder.path, out.path] + arguments)
        let lines = outcome.output.split(separator: "\n").map(String.init)
        guard let last = lines.last, last.hasSuffix(" failed"), !last.hasPrefix("0 passed") else {
            return ["check_outputs.py did not come to an end: \(outcome.summary)"]
        }
        return outcome.exitCode == 0 ? [] : lines.filter { $0.hasPrefix("FAILED") } + [last]
    }

    /// What an undisturbed run on the small replica writes; worked out once for all tests.
    static func cleanTree() async throws -> FileTree { try await cleanTask.value.tree }
    /// How long that run took, in seconds.
    static func cleanSeconds() async throws -> Double { try await cleanTask.value.seconds }

    private static let cleanTask = Task { () async throws -> (tree: FileTree, seconds: Double) in
        let server = try await S3Server(root: Replica.small().folder, ["--page-size", "20"])
        let job = try Job()
        let outcome = try await job.run(against: server)
        guard outcome.exitCode == 0 else { throw HarnessError("the undisturbed run failed: \(outcome.summary)") }
        return (try job.tree(), outcome.seconds)
    }
}
