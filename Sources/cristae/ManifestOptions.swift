import ArgumentParser
import Arrays
import Foundation
import Job
import Logging
import Manifest
import Report

/// The manifest and the flags that override it, as every verb that reads one takes them.
struct ManifestOptions: ParsableArguments {
    @Argument(help: "The manifest, e.g. config.json; - reads it from the standard input.")
    var manifest: String

    @Option(help: "Where the data come from: s3://bucket, https://…, file:///…, sample: (overrides the manifest).")
    var source: String?

    @Option(help: "Another S3 server, path-style, e.g. http://127.0.0.1:9000 (overrides the manifest).")
    var endpoint: String?

    @Option(help: "The output directory (overrides the manifest).")
    var output: String?

    @Option(help: "The state directory (overrides the manifest).")
    var state: String?

    @Option(help: "Only items of this name or glob, e.g. crop_124 or 'jrc_hela-2/*'; may be given several times.")
    var only: [String] = []

    @Option(help: "How to talk on stderr: auto (a display on a terminal, else json), text or json.")
    var logFormat: LogFormat = .auto

    /// What a verb that looks at a job begins with: the manifest, what it is asked to stop by, and its log.
    func begin() throws -> (manifest: Manifest, stop: StopSignal, logger: Logger) {
        let manifest = try load()
        let stop = StopSignal()
        SignalWatcher.start(stop)
        return (manifest, stop, Reporter(format: logFormat).logger)
    }

    /// The job for a verb that looks at what has been made; nil where nothing has, which it tells.
    func look() throws -> JobContext? {
        let (manifest, stop, logger) = try begin()
        let context = try JobContext.looking(at: manifest, stop: stop, logger: logger)
        if context == nil {
            StandardError.line("cristae: \(manifest.job): nothing has been made yet, there is no \(manifest.state)")
        }
        return context
    }

    /// Reads and checks the manifest.
    ///
    /// - Throws: ``ManifestError`` with one line.
    func load() throws -> Manifest {
        try Manifest.load(path: manifest, overrides: overrides)
    }

    /// What the flags and the environment say instead of the manifest.
    var overrides: Manifest.Overrides {
        Manifest.Overrides(
            source: source, output: output, state: state, endpoint: endpoint, only: only.isEmpty ? nil : only,
            environmentEndpoint: ProcessInfo.processInfo.environment["AWS_ENDPOINT_URL"])
    }
}

/// How a run reports on stderr.
enum LogFormat: String, ExpressibleByArgument, CaseIterable {
    case auto, text, json

    /// Whether lines are JSON: asked for, or nobody watches.
    var isJSON: Bool { self == .json || (self == .auto && isatty(STDERR_FILENO) == 0) }
}
