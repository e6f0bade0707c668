public import ArgumentParser
import Arrays
import Conversion
import Foundation
import Logging
import Manifest
import Stores
import Volumes

/// `cristae convert SOURCE OUT.h5`: one array or group of any store to HDF5.
struct ConvertCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Convert an array, or all arrays of a group (Zarr v2, Zarr v3, N5), to one HDF5 file.",
        discussion: """
            Every array becomes a dataset of the same name, attributes become HDF5 attributes. A single array is named after its folder. Where a \
            folder has metadata of several formats, zarr.json counts before .zarray, and that before attributes.json.

            Exit codes: 0 done; 1 the source cannot be read, one line says what and why; 64 usage; 74 the file cannot be written; 75 stopped.
            """)

    @Argument(
        help: "A path (also of a ZIP file, or a folder in one), or s3://bucket/prefix, https://…, file:///…, sample:….")
    var source: String

    @Argument(help: "The file to write; it appears whole or not at all.")
    var output: String

    @Option(help: "gzip, zstd (filter 32015), blosc (32001), none, or source (the source's codec, chunks as they are).")
    var compression: Manifest.Convert.Compression = .gzip

    @Option(
        help:
            "1 to 9 for gzip and blosc, 1 to 22 for zstd: from fast to small. gzip's 1 does not search noise, and is six times as fast."
    )
    var level: Int?

    @Option(help: "zarr2, zarr3 or n5: look at these metadata only.")
    var format: VolumeFormat?

    @Option(help: "Another S3 server, path-style, e.g. http://127.0.0.1:9000.")
    var endpoint: String?

    @Flag(help: "Sign requests with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION.")
    var signed = false

    @Option(help: "Memory that may be used, at least 128MiB.")
    var memory = "1GiB"

    @Option(help: "How to talk on stderr: auto (text on a terminal, else json), text or json.")
    var logFormat: LogFormat = .text

    func validate() throws {
        do throws(StoreError) {
            _ = try StoreConversion.url(of: source)
        } catch {
            throw ValidationError("SOURCE: \(error.message)")
        }
        guard !output.isEmpty, !output.hasSuffix("/"), !output.contains("://") else {
            throw ValidationError("OUT: the path of a file is expected")
        }
        if let level {
            guard let levels = compression.levels else {
                throw ValidationError("--level: \(compression.rawValue) has none")
            }
            guard levels.contains(level) else {
                throw ValidationError("--level: \(levels.lowerBound) to \(levels.upperBound) is expected, not \(level)")
            }
        }
        guard ConversionOptions.memory(memory) != nil else {
            throw ValidationError("--memory: a number of bytes of at least 128MiB is expected, such as 1GiB")
        }
    }

    /// The path of SOURCE where it is an HDF5 file of this machine.
    ///
    /// - Throws: a usage error where OUT is the same file.
    private func sourceFile() throws -> String? {
        let url = try StoreConversion.url(of: source)
        let path = "/" + url.prefix
        guard url.scheme == .file else { return nil }
        let places = [path, output].map { URL(fileURLWithPath: $0).resolvingSymlinksInPath().path }
        guard places[0] != places[1] else { throw ValidationError("OUT is SOURCE: \(places[0])") }
        return FileConversion.isHDF5(path) ? path : nil
    }

    func run() async throws {
        try await Ending.of {
            let stop = StopSignal()
            SignalWatcher.start(stop)
            let logger = Reporter(format: logFormat).logger
            let warn: @Sendable (String) -> Void = { logger.warning("\($0)", metadata: ["event": "left_out"]) }
            let options = ConversionOptions(
                output: output, compression: compression, level: level,
                memory: ConversionOptions.memory(memory) ?? ConversionOptions.minimumMemory, stop: stop, warn: warn)
            let outcome: ConversionOutcome
            do {
                if let file = try sourceFile() {
                    outcome = try await FileConversion(source: file, options: options).run()
                } else {
                    outcome = try await StoreConversion(
                        source: StoreConversion.url(of: source),
                        storeOptions: StoreOptions(endpoint: endpoint, anonymous: !signed), format: format,
                        options: options
                    ).run()
                }
            } catch JobError.stopped {
                StandardError.line("cristae: stopped; nothing was written")
                return JobError.stopped.exitCode
            }
            let chunks = outcome.chunks
            logger.info(
                "\(outcome.arrays) arrays, \(chunks.passed + chunks.encoded) chunks, \(chunks.passed) of them as they were: \(output)",
                metadata: [
                    "event": "end", "arrays": .stringConvertible(outcome.arrays),
                    "chunks_passed_through": .stringConvertible(chunks.passed),
                    "chunks_transcoded": .stringConvertible(chunks.encoded),
                ])
            return 0
        }
    }
}

extension VolumeFormat: ExpressibleByArgument {}
