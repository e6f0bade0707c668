import ArgumentParser
import Foundation

/// The server of a benchmark, in a process of its own.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve a folder of buckets on loopback; prints the port.")

    @Argument(help: "A folder that holds <bucket>/<key>.") var folder: String
    @Option(help: "Milliseconds before each answer.") var latency = 0

    func run() throws {
        let server = try ObjectServer(folder: URL(fileURLWithPath: folder), latencyMilliseconds: latency)
        FileHandle.standardOutput.write(Data("\(server.port)\n".utf8))
        try server.run()
    }
}
