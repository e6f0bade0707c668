import Foundation
import Glibc

/// A server of ours in a process of its own, over a folder of buckets.
final class ServerRun {
    private let process: Process
    let endpoint: String

    init(_ workshop: Workshop, folder: URL, latencyMilliseconds: Int = 0) throws {
        process = Process()
        process.executableURL = URL(fileURLWithPath: workshop.own)
        process.arguments = ["serve", folder.path, "--latency", "\(latencyMilliseconds)"]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        var line = Data()
        while let byte = try pipe.fileHandleForReading.read(upToCount: 1), byte != Data("\n".utf8) { line += byte }
        guard let port = Int(String(decoding: line, as: UTF8.self)) else {
            throw BenchError("the server does not start")
        }
        endpoint = "http://127.0.0.1:\(port)"
    }

    deinit {
        process.terminate()
        process.waitUntilExit()
    }

    /// Requests since the last look.
    func takeRequests() throws -> Int {
        guard let url = URL(string: "\(endpoint)/-/requests") else { return 0 }
        let run = try ChildRun(["curl", "-s", url.absoluteString], log: "/dev/null")
        return Int(run.output) ?? 0
    }
}
