package import Arrays
internal import Elements
package import Foundation
package import HDF5
package import JSONText
package import Job
internal import Logging
package import Manifest
package import Scheduling
internal import TestSupport

/// A bucket of tiny uncompressed Zarr arrays in a folder, and a job over it in this process.
package final class SmallJob: Sendable {
    private let scratchFolder = Scratch()
    package var folder: String { scratchFolder.path }

    package init() {}

    package func write(_ bytes: [UInt8], _ key: String) throws { try scratchFolder.write(bytes, to: "bucket/\(key)") }

    package func write(_ value: JSONValue, _ key: String) throws { try write(Array(value.prettyText.utf8), key) }

    /// One level of a multiscale image: voxel size and translation in nm; one chunk that holds the whole array.
    package struct Level: Sendable {
        package var voxel: [Double]
        package var translation: [Double]
        package var shape: [Int]
        package var dtype: String
        package var fill: Int
        /// Little-endian bytes in C order, encoded by `compressor`; nil leaves the chunk unstored.
        package var bytes: [UInt8]?
        package var compressor: JSONValue?

        package init(
            voxel: [Double], translation: [Double], shape: [Int], dtype: String = "|u1", fill: Int = 0,
            bytes: [UInt8]? = nil, compressor: JSONValue? = nil
        ) {
            (self.voxel, self.translation, self.shape) = (voxel, translation, shape)
            (self.dtype, self.fill, self.bytes, self.compressor) = (dtype, fill, bytes, compressor)
        }
    }

    package func image(_ key: String, _ levels: [Level], attributes: [String: JSONValue] = [:]) throws {
        let datasets = levels.enumerated().map { number, level -> JSONValue in
            let scale: JSONValue = ["scale": .array(level.voxel.map { .number($0) }), "type": "scale"]
            let move: JSONValue = [
                "translation": .array(level.translation.map { .number($0) }), "type": "translation",
            ]
            return ["coordinateTransformations": [scale, move], "path": .string("s\(number)")]
        }
        let axes = ["z", "y", "x"].map { name -> JSONValue in
            ["name": .string(name), "type": "space", "unit": "nanometer"]
        }
        var group = attributes
        group["multiscales"] = [["axes": .array(axes), "datasets": .array(datasets), "version": "0.4"]]
        try write(["zarr_format": 2], "\(key)/.zgroup")
        try write(.object(group), "\(key)/.zattrs")
        for (number, level) in levels.enumerated() {
            let extents = JSONValue.array(level.shape.map { .integer($0) })
            try write(
                [
                    "zarr_format": 2, "shape": extents, "chunks": extents, "dtype": .string(level.dtype), "order": "C",
                    "compressor": level.compressor ?? .null, "filters": nil, "fill_value": .integer(level.fill),
                    "dimension_separator": "/",
                ], "\(key)/s\(number)/.zarray")
            if let bytes = level.bytes { try write(bytes, "\(key)/s\(number)/0/0/0") }
        }
    }

    /// The raw image of an alignment: 4×4×4 voxels of 8 nm, 0 to 63.
    package func rawImage(_ recon: String) throws {
        try image(
            "\(recon)/em/fibsem-uint8",
            [Level(voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4], bytes: (0..<64).map { UInt8($0) })])
    }

    package static func instances(unknown: Int = 255) -> [String: JSONValue] {
        [
            "cellmap": [
                "annotation": [
                    "class_name": "mito",
                    "annotation_type": [
                        "type": "instance_segmentation", "encoding": ["absent": 0, "unknown": .integer(unknown)],
                    ],
                ]
            ]
        ]
    }

    /// Runs a job over all datasets; `members` are further members of the manifest.
    package func run(
        _ members: [String: JSONValue] = [:], refresh: Bool = false, share: TaskShare? = nil,
        stages: Set<Stage> = Set(Stage.allCases), scratch: String? = nil,
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> Runner.Outcome {
        let context = try context(members, scratch: scratch, log: log)
        return try await Runner(context, options: Runner.Options(share: share, stages: stages, refresh: refresh)).run()
    }

    /// Runs a manifest as it is.
    package func run(_ manifest: Manifest) async throws -> Runner.Outcome {
        try await Runner(try JobContext(manifest: manifest, stop: StopSignal(), logger: Self.quiet)).run()
    }

    /// What such a job works with; it makes the folders, as a run does.
    package func context(
        _ members: [String: JSONValue] = [:], scratch: String? = nil,
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) throws -> JobContext {
        try JobContext(
            manifest: try manifest(members), stop: StopSignal(),
            logger: Logger(label: "test") { _ in HeardLog(heard: log) }, scratch: scratch)
    }

    /// The voxels of a dataset as bytes, its shape and its attributes.
    package func dataset(_ path: String, of file: String) async throws -> (
        bytes: [UInt8], shape: [Int], attributes: [String: AttributeValue]
    ) {
        let reader = try await HDF5Reader(opening: "\(folder)/out/\(file)")
        guard let info = try await reader.dataset(path) else { throw Missing(what: path) }
        let bytes = try await reader.read(info.handle, start: info.shape.map { _ in 0 }, count: info.shape)
        let attributes = try await reader.attributes(of: path)
        await reader.close()
        return (bytes.array, info.shape, attributes)
    }

    /// What a run from nothing makes.
    package func cleanFiles(_ members: [String: JSONValue] = [:]) async throws -> [String: Data] {
        let name = "clean-\(UUID().uuidString)"
        defer {
            for type in ["out", "state"] { try? FileManager.default.removeItem(atPath: "\(folder)/\(name)-\(type)") }
        }
        _ = try await run(
            members.merging(["output": .string("\(name)-out"), "state": .string("\(name)-state")]) { $1 })
        return try files("\(name)-out")
    }

    package func exists(_ file: String) -> Bool { FileManager.default.fileExists(atPath: "\(folder)/\(file)") }

    package func text(_ file: String) throws -> String {
        try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)
    }
}

/// What a job should have left, and has not.
struct Missing: Error { let what: String }

/// A log whose lines a test hears, each with its level before it.
private struct HeardLog: LogHandler {
    let heard: @Sendable (String) -> Void
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    init(heard: @escaping @Sendable (String) -> Void) { self.heard = heard }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { heard("\(event.level): \(event.message)") }
}
