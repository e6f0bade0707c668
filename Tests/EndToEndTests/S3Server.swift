import Foundation
import Glibc

/// The test server: a replica served over HTTP as S3 would, with faults on request.
final class S3Server: Sendable {
    let process: ChildProcess
    let endpoint: String
    private let logFile: URL

    /// Starts a server for the buckets below `root` and waits until it listens.
    init(root: URL, _ options: [String] = []) async throws {
        let folder = try Harness.newFolder("server")
        logFile = folder.appending(path: "requests.log")
        try Data().write(to: logFile)
        process = try ChildProcess(
            Harness.python(),
            ["-u", Harness.scripts.appending(path: "servers/s3_server.py").path, "--root", root.path, "--port", "0"]
                + ["--log", logFile.path] + options,
            environment: ["PYTHONDONTWRITEBYTECODE": "1"], in: folder, name: "server")
        let deadline = Date().addingTimeInterval(30)
        var port: Int?
        while port == nil {
            guard process.isRunning(), Date() < deadline else {
                process.send(SIGKILL)
                throw HarnessError("the test server did not start: \(process.text(of: process.errorFile).suffix(1000))")
            }
            try await Task.sleep(for: .milliseconds(20))
            let text = process.text(of: process.outputFile)
            guard let end = text.firstIndex(of: "\n") else { continue }
            port = Int(text[..<end])
        }
        endpoint = "http://127.0.0.1:\(port ?? 0)"
    }

    /// The requests up to now, without the first `skipping`.
    func log(skipping: Int = 0) throws -> ServerLog {
        ServerLog(try ServerLog(reading: logFile).entries.dropFirst(skipping))
    }

    /// Waits until `count` whole chunks have been sent; returns false where the other process ended before.
    func waitForChunks(_ count: Int, while other: ChildProcess) async throws -> Bool {
        while try log().entries.count(where: \.isWholeChunk) < count {
            guard other.isRunning() else { return false }
            try await Task.sleep(for: .milliseconds(10))
        }
        return true
    }
}
