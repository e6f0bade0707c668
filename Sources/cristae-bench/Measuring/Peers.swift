import Foundation

/// The programs that take part: ours beside this one, the others from PyPI in a folder of their own.
struct Peers {
    let folder: URL
    let memory: String

    private static let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "peers")

    func workshop(runs: Int) throws -> Workshop {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try FileManager.default.createDirectory(atPath: memory, withIntermediateDirectories: true)
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let program = URL(fileURLWithPath: own).deletingLastPathComponent().appending(path: "cristae").path
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw BenchError("\(program) is missing: swift build -c release")
        }
        let log = folder.appending(path: "log").path
        return Workshop(
            folder: folder, memoryFolder: URL(fileURLWithPath: memory), program: program, own: own,
            python: try python(log), scripts: Self.scripts, runs: max(1, runs), log: log)
    }

    /// A Python with what `requirements.txt` names; made once.
    private func python(_ log: String) throws -> String {
        let environment = folder.appending(path: "venv")
        let requirements = Self.scripts.appending(path: "requirements.txt")
        let stamp = environment.appending(path: "requirements.txt")
        let python = environment.appending(path: "bin/python").path
        if (try? Data(contentsOf: stamp)) == (try Data(contentsOf: requirements)) { return python }
        for command in [
            ["python3", "-m", "venv", "--clear", environment.path],
            [python, "-m", "pip", "install", "--quiet", "-r", requirements.path],
        ] {
            guard try ChildRun(command, log: log).exitCode == 0 else {
                throw BenchError("\(command.joined(separator: " ")) failed, see \(log)")
            }
        }
        try Data(contentsOf: requirements).write(to: stamp)
        return python
    }
}
