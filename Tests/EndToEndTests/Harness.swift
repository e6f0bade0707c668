import Foundation
import Glibc

/// Where the built program, Python, the scripts and the temporary files are.
enum Harness {
    /// The folder of these tests and their scripts.
    static let scripts = URL(filePath: #filePath).deletingLastPathComponent()
    static let packageRoot = scripts.deletingLastPathComponent().deletingLastPathComponent()

    /// Everything the tests write; removed when they end, unless `CRISTAE_KEEP` is set.
    static let scratch: URL = {
        let folder = FileManager.default.temporaryDirectory.appending(path: "cristae-tests-\(getpid())")
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        if environment["CRISTAE_KEEP"] == nil {
            atexit { try? FileManager.default.removeItem(at: Harness.scratch) }
        }
        return folder.resolvingSymlinksInPath()
    }()

    /// How many times the program is killed at random instants.
    static var kills: Int { environment["CRISTAE_KILLS"].flatMap { Int($0) } ?? 25 }
    /// How many times a task is paused at a random instant, half of them tasks of crops and half tasks of volumes.
    static var pauses: Int { environment["CRISTAE_PAUSES"].flatMap { Int($0) } ?? 4 }
    /// How many bytes of state directories are flipped, one at a time.
    static var flips: Int { environment["CRISTAE_FLIPS"].flatMap { Int($0) } ?? 12 }
    /// Where the random instants start; printed with a failure.
    static var seed: UInt64 { environment["CRISTAE_SEED"].flatMap { UInt64($0) } ?? 20_240_607 }

    private static var environment: [String: String] { ProcessInfo.processInfo.environment }

    /// The built `cristae`: beside the test bundle, or a folder or two above it; `CRISTAE_BINARY` overrides.
    static func binary() throws -> URL {
        if let path = environment["CRISTAE_BINARY"] { return try executable(URL(filePath: path), "CRISTAE_BINARY") }
        var folder = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        var places: [URL] = []
        for _ in 0..<4 {
            places.append(folder.appending(path: "cristae"))
            folder.deleteLastPathComponent()
        }
        places.append(packageRoot.appending(path: ".build/debug/cristae"))
        for place in places where isExecutableFile(place) { return place }
        throw HarnessError("no built cristae found, looked for \(places.map(\.path).joined(separator: ", "))")
    }

    /// The Python with numpy, h5py and numcodecs: `CRISTAE_PYTHON`, or `.venv` in the package's root.
    static func python() throws -> URL {
        if let path = environment["CRISTAE_PYTHON"] { return try executable(URL(filePath: path), "CRISTAE_PYTHON") }
        return try executable(
            packageRoot.appending(path: ".venv/bin/python"),
            "the tests' Python (python3 -m venv .venv; .venv/bin/pip install -r Tests/EndToEndTests/requirements.txt)")
    }

    /// Runs one of the scripts and returns what it printed; a script which fails is an error.
    static func script(_ name: String, _ arguments: [String], atMost seconds: Double = 600) async throws -> String {
        let outcome = try await scriptOutcome(name, arguments, atMost: seconds)
        guard outcome.exitCode == 0 else {
            let lines = outcome.output.split(separator: "\n").filter { !$0.hasPrefix("ok ") }
            throw HarnessError("\(name): \(lines.joined(separator: "\n").suffix(6000)) \(outcome.errors.suffix(2000))")
        }
        return outcome.output
    }

    /// Runs one of the scripts to its end, however it ends.
    static func scriptOutcome(
        _ name: String, _ arguments: [String], atMost seconds: Double = 600
    ) async throws -> ChildProcess.Outcome {
        let folder = try newFolder("script")
        let process = try ChildProcess(
            python(), [scripts.appending(path: name).path] + arguments,
            environment: ["PYTHONDONTWRITEBYTECODE": "1"], in: folder, name: "script")
        return try await process.wait(atMost: seconds)
    }

    /// A new empty folder below `scratch`.
    static func newFolder(_ name: String) throws -> URL {
        let folder = scratch.appending(path: "\(name)-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    private static func executable(_ file: URL, _ what: String) throws -> URL {
        guard isExecutableFile(file) else { throw HarnessError("\(what) is no executable file: \(file.path)") }
        return file
    }

    private static func isExecutableFile(_ file: URL) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder) && !isFolder.boolValue
            && FileManager.default.isExecutableFile(atPath: file.path)
    }
}
