import Elements
import Foundation
import HDF5
import JSONText
import Ledger
import Manifest
import Stores
import Synchronization
import Testing
import Volumes

@testable import Arrays
@testable import Conversion

/// `cristae convert` on small trees that are made here, and its parts.
@Suite struct ConversionTests {
    /// A new folder with files.
    private static func folder(_ files: [String: [UInt8]]) throws -> URL {
        let root = FileManager.default.temporaryDirectory.appending(path: "conversion-\(UUID().uuidString)")
        for (name, bytes) in files {
            let file = root.appending(path: name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(bytes).write(to: file)
        }
        return root
    }

    private static func zarray(
        _ shape: [Int], _ chunks: [Int], dtype: String = "|u1", order: String = "C", fill: JSONValue = 9
    ) -> [UInt8] {
        let text: JSONValue = [
            "zarr_format": 2, "shape": .array(shape.map { .integer($0) }),
            "chunks": .array(chunks.map { .integer($0) }),
            "dtype": .string(dtype), "order": .string(order), "fill_value": fill, "compressor": nil, "filters": nil,
        ]
        return Array(text.canonicalText.utf8)
    }

    /// Converts a folder and opens the file.
    private static func convert(
        _ root: URL, _ compression: Manifest.Convert.Compression = .gzip, format: VolumeFormat? = nil,
        memory: Int = ConversionOptions.minimumMemory, stop: StopSignal = StopSignal(), output: String? = nil,
        warn: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> HDF5Reader {
        let file = (output ?? root.path) + "-out/out.h5"
        let conversion = try StoreConversion(
            source: StoreConversion.url(of: root.path), storeOptions: StoreOptions(), format: format,
            options: ConversionOptions(output: file, compression: compression, memory: memory, stop: stop, warn: warn))
        _ = try await conversion.run()
        return try await HDF5Reader(opening: file)
    }

    private static func remove(_ root: URL) {
        for path in [root.path, root.path + "-out"] { try? FileManager.default.removeItem(atPath: path) }
    }

    private static func values(_ reader: HDF5Reader, _ path: String) async throws -> [UInt8] {
        let info = try #require(try await reader.dataset(path))
        return try await reader.read(info.handle, start: info.shape.map { _ in 0 }, count: info.shape).array
    }

    /// JSON has one kind of number, but `8.0` was a float where it came from.
    @Test(arguments: ["zarr2", "zarr3", "n5"]) func wholeFloatsStayFloats(format: String) async throws {
        let text = #"{"f": 8.0, "i": 8, "fs": [8.0, 4.0], "is": [8, 4], "both": [8, 4.0]"#
        let files: [String: [UInt8]] =
            switch format {
            case "zarr2":
                ["a/.zarray": Self.zarray([2], [2]), "a/.zattrs": Array((text + "}").utf8)]
            case "zarr3":
                [
                    "a/zarr.json": Array(
                        (#"{"zarr_format": 3, "node_type": "array", "shape": [2], "data_type": "uint8", "#
                            + #""fill_value": 0, "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2]}}, "#
                            + #""chunk_key_encoding": {"name": "default"}, "codecs": [{"name": "bytes"}], "#
                            + "\"attributes\": \(text)}}").utf8)
                ]
            default:
                [
                    "a/attributes.json": Array(
                        (text + #", "dimensions": [2], "blockSize": [2], "dataType": "uint8", "#
                            + #""compression": {"type": "raw"}}"#).utf8)
                ]
            }
        let root = try Self.folder(files)
        defer { Self.remove(root) }
        let reader = try await Self.convert(root.appending(path: "a"))
        let attributes = try await reader.attributes(of: "/a")
        #expect(attributes["f"] == .double(8) && attributes["i"] == .integer(8))
        #expect(attributes["fs"] == .doubles([8, 4]) && attributes["is"] == .integers([8, 4]))
        #expect(attributes["both"] == .doubles([8, 4]))
        await reader.close()
    }

    @Test func anArrayThatCannotBeReadIsNamedWithItsKey() async throws {
        var bad = try #require(try JSONValue(parsing: Self.zarray([2], [2])).object)
        bad["compressor"] = ["id": "nonesuch"]
        let root = try Self.folder([
            ".zgroup": Array(#"{"zarr_format": 2}"#.utf8), "good/.zarray": Self.zarray([2], [2]),
            "bad/.zarray": Array(JSONValue.object(bad).canonicalText.utf8),
        ])
        defer { Self.remove(root) }
        let error = await #expect(throws: (any Error).self) { try await Self.convert(root) }
        #expect("\(try #require(error))".contains("/bad/.zarray: compressor.id: "))
        #expect(!FileManager.default.fileExists(atPath: root.path + "-out/out.h5"))
    }

    /// Metadata of an array of strings, as zarr-python and n5 write them.
    private static let strings: [String: (name: String, text: String)] = [
        "zarr2": (
            ".zarray",
            #"{"zarr_format": 2, "shape": [3], "chunks": [3], "dtype": "|O", "order": "C", "fill_value": "", "compressor": null, "#
                + #""filters": [{"id": "vlen-utf8"}]}"#
        ),
        "zarr3": (
            "zarr.json",
            #"{"zarr_format": 3, "node_type": "array", "shape": [3], "data_type": "string", "fill_value": "", "attributes": {}, "#
                + #""chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [3]}}, "#
                + #""chunk_key_encoding": {"name": "default"}, "codecs": [{"name": "vlen-utf8"}]}"#
        ),
        "n5": (
            "attributes.json",
            #"{"dimensions": [3], "blockSize": [3], "dataType": "string", "compression": {"type": "raw"}}"#
        ),
    ]

    /// What is no number is told and left out, as in HDF5 files; where there is nothing else, that is why there is no file.
    @Test(arguments: ["zarr2", "zarr3", "n5"], [true, false])
    func stringsAreLeftOutWithAWarning(format: String, withNumbers: Bool) async throws {
        let (name, text) = try #require(Self.strings[format])
        let group = [
            "zarr2": (".zgroup", #"{"zarr_format": 2}"#),
            "zarr3": ("zarr.json", #"{"zarr_format": 3, "node_type": "group"}"#),
            "n5": ("attributes.json", "{}"),
        ]
        let root = try #require(group[format])
        var files = [root.0: Array(root.1.utf8), "names/\(name)": Array(text.utf8)]
        if withNumbers { files.merge(["a/.zarray": Self.zarray([2], [2]), "a/0": [5, 6]]) { $1 } }
        let folder = try Self.folder(files)
        defer { Self.remove(folder) }
        let told = Mutex<[String]>([])
        let run = { try await Self.convert(folder, warn: { line in told.withLock { $0.append(line) } }) }
        if withNumbers {
            let reader = try await run()
            #expect(try await Self.values(reader, "/a") == [5, 6])
            #expect(try await reader.dataset("/names") == nil)
            await reader.close()
        } else {
            let error = await #expect(throws: (any Error).self) { try await run() }
            #expect("\(try #require(error))".contains("/names/\(name): "))
            #expect(!FileManager.default.fileExists(atPath: folder.path + "-out/out.h5"))
        }
        let lines = told.withLock { $0 }
        #expect(lines.count == 1 && lines[0].contains("/names/\(name): ") && lines[0].hasSuffix("; it is left out"))
    }

    /// A pack is a ZIP file as any other.
    @Test(arguments: ["", "/inner", "/inner/a"]) func zipFilesAreRead(below: String) async throws {
        let root = try Self.folder([:])
        defer { Self.remove(root) }
        let pack = try Holdings(in: try ConfinedFolder(creating: root.path)).pack("a.zip")
        let group = Array(#"{"zarr_format": 2}"#.utf8)
        for (key, bytes) in [
            (".zgroup", group), ("inner/.zgroup", group), ("inner/a/.zarray", Self.zarray([3], [2])),
            ("inner/a/0", [5, 6]),
        ] { try pack.append(key, ByteBuffer(bytes)) }
        try pack.close()
        let reader = try await Self.convert(root.appending(path: "a.zip\(below)"), output: root.path)
        let path = below == "" ? "/inner/a" : "/a"
        #expect(try await Self.values(reader, path) == [5, 6, 9])
        await reader.close()
    }

    @Test(arguments: Manifest.Convert.Compression.allCases)
    func cutsChunksAtTheEdgeAndFillsUnstoredOnes(compression: Manifest.Convert.Compression) async throws {
        // Of 2 × 1 × 1 × 2 chunks the last one is not stored.
        let root = try Self.folder([
            "group/.zgroup": Array(#"{"zarr_format": 2}"#.utf8),
            "group/a/.zarray": Self.zarray([3, 2, 1, 5], [2, 2, 4, 3]),
            "group/a/0.0.0.0": (0..<48).map { UInt8($0) },
            "group/a/0.0.0.1": (100..<148).map { UInt8($0) },
            "group/a/1.0.0.0": (200..<248).map { UInt8($0) },
        ])
        defer { Self.remove(root) }
        let reader = try await Self.convert(root.appending(path: "group"), compression)
        defer { Self.remove(root.appending(path: "group")) }
        let info = try #require(try await reader.dataset("/a"))
        #expect(info.shape == [3, 2, 1, 5])
        // Chunks that are taken over stay whole.
        #expect(info.chunkShape == (compression == .source ? [2, 2, 4, 3] : [2, 2, 1, 3]))
        #expect(info.fillValue == [9])
        guard compression == .gzip || compression == .none || compression == .source else { return }
        #expect(
            try await Self.values(reader, "/a") == [
                0, 1, 2, 100, 101, 12, 13, 14, 112, 113, 24, 25, 26, 124, 125, 36, 37, 38, 136, 137,
                200, 201, 202, 9, 9, 212, 213, 214, 9, 9,
            ])
    }

    @Test func swapsBytesAndAxes() async throws {
        let root = try Self.folder([
            ".zarray": Self.zarray([2, 3], [2, 3], dtype: ">u2", order: "F"),
            "0.0": [0, 1, 0, 2, 0, 3, 0, 4, 1, 5, 0, 6],
        ])
        defer { Self.remove(root) }
        let reader = try await Self.convert(root)
        let name = root.lastPathComponent
        #expect(try await Self.values(reader, "/\(name)") == [1, 0, 3, 0, 5, 1, 2, 0, 4, 0, 6, 0])
    }

    @Test func keepsASingleValue() async throws {
        let root = try Self.folder([".zarray": Self.zarray([], []), "0": [42]])
        defer { Self.remove(root) }
        let reader = try await Self.convert(root, .source)
        let path = "/\(root.lastPathComponent)"
        #expect(try await Self.values(reader, path) == [42])
        #expect(try await reader.dataset(path)?.shape == [])
        #expect(try await reader.dataset(path)?.chunkShape == nil)
    }

    @Test func splitsChunksThatAreTooLarge() async throws {
        // 30 MB in one chunk; an eighth of 128 MiB is less.
        let bytes = (0..<30_000_000).map { UInt8(truncatingIfNeeded: $0 / 1000 + $0) }
        let root = try Self.folder([".zarray": Self.zarray([5, 3000, 2000], [5, 3000, 2000]), "0.0.0": bytes])
        defer { Self.remove(root) }
        let reader = try await Self.convert(root, .source)
        let path = "/\(root.lastPathComponent)"
        #expect(try await reader.dataset(path)?.chunkShape == [1, 3000, 2000])
        #expect(try await Self.values(reader, path) == bytes)
        #expect(try await reader.attributes(of: path)["chunks_transcoded"] == .integer(5))
    }

    @Test func saysHowMuchMemoryAChunkNeeds() async throws {
        let root = try Self.folder([".zarray": Self.zarray([1 << 30], [1 << 28])])
        defer { Self.remove(root) }
        let error = await #expect(throws: (any Error).self) { try await Self.convert(root) }
        #expect("\(try #require(error))".contains("--memory of at least 771MiB"))
        #expect(!FileManager.default.fileExists(atPath: root.path + "-out"))
    }

    @Test func endlessTreesAreRefused() async throws {
        let root = try Self.folder([
            "attributes.json": Array(#"{"n5": "2.0.0"}"#.utf8),
            String(repeating: "deeper/", count: 65) + "file": [],
        ])
        defer { Self.remove(root) }
        let error = await #expect(throws: (any Error).self) { try await Self.convert(root) }
        #expect("\(try #require(error))".contains("64 levels"))
        #expect(!FileManager.default.fileExists(atPath: root.path + "-out"))
        // Two links double the folders with every level, until the kernel follows no more of them.
        try FileManager.default.removeItem(at: root.appending(path: "deeper"))
        try FileManager.default.createSymbolicLink(at: root.appending(path: "again"), withDestinationURL: root)
        try FileManager.default.createSymbolicLink(at: root.appending(path: "twice"), withDestinationURL: root)
        let second = await #expect(throws: (any Error).self) { try await Self.convert(root) }
        #expect("\(try #require(second))".contains("50000"))
    }

    @Test func foldersWithoutMetadataAreGroupsInN5Only() async throws {
        let array = Array(
            #"{"dimensions":[2],"blockSize":[2],"dataType":"uint8","compression":{"type":"raw"},"axes":["x"]}"#.utf8)
        let root = try Self.folder([
            "bare/em/s0/attributes.json": array, "bare/em/s0/0": [0, 0, 0, 1, 0, 0, 0, 2, 7, 8],
        ])
        defer { Self.remove(root) }
        let error = await #expect(throws: (any Error).self) { try await Self.convert(root) }
        #expect("\(try #require(error))".contains("--format n5"))
        let reader = try await Self.convert(root, format: .n5)
        #expect(try await Self.values(reader, "/bare/em/s0") == [7, 8])
        #expect(try await reader.attributes(of: "/bare/em/s0") == ["axes": .strings(["x"])])
    }

    @Test func aStopLeavesNothing() async throws {
        let root = try Self.folder([".zarray": Self.zarray([4], [2]), "0": [1, 2], "1": [3, 4]])
        defer { Self.remove(root) }
        let stop = StopSignal()
        stop.stop()
        let error = await #expect(throws: JobError.self) { try await Self.convert(root, stop: stop) }
        #expect(error?.exitCode == 75)
        let left = (try? FileManager.default.contentsOfDirectory(atPath: root.path + "-out")) ?? []
        #expect(left == [])
    }

    // MARK: Parts

    @Test func attributesKeepTheirTypes() {
        let cases: [(JSONValue, AttributeValue)] = [
            ("text", .string("text")), (true, .integer(1)), (-3, .integer(-3)), (0.5, .double(0.5)),
            (.unsigned(.max), .unsigned(.max)), (nil, .string("null")), ([1, 2], .integers([1, 2])),
            ([1, 0.5], .doubles([1, 0.5])), (["a", "b"], .strings(["a", "b"])), ([true, false], .integers([1, 0])),
            ([1, "a"], .string(#"[1,"a"]"#)), ([], .string("[]")), (["a": [1]], .string(#"{"a":[1]}"#)),
            ("a\u{0}b", .string(#""a\u0000b""#)), ([[1], [2]], .string("[[1],[2]]")),
            ([.unsigned(.max), 1], .string("[18446744073709551615,1]")),
            ([.integer(1 << 62 + 1), 0.5], .string("[4611686018427387905,0.5]")),
        ]
        for (json, expected) in cases { #expect(AttributeConversion.value(json) == expected) }
        guard case .string = AttributeConversion.value(.array(Array(repeating: 1, count: 70_000))) else {
            Issue.record("70000 numbers do not fit an attribute")
            return
        }
    }

    @Test(arguments: [
        ("", false), ("a\u{0}", false), ("a b/ü", true), (String(repeating: "x", count: 70_000), false),
    ])
    func namesOfAttributes(name: String, isName: Bool) { #expect(AttributeConversion.isName(name) == isName) }

    @Test(arguments: [
        ("..", false), (".", false), ("", false), ("a/b", false), ("a\n", false), ("s0", true), ("...", true),
    ])
    func namesOfNodes(name: String, isSafe: Bool) { #expect(HierarchyReader.isSafe(name) == isSafe) }

    @Test(arguments: [0, 1, 9, 10, 11, 20, 79, 80, 81, 159, 160, 165, 12_345, 1_000_000])
    func findsTheEndOfAnObject(size: Int) async throws {
        let end = ObjectEnd(probeByteCount: 10, name: "object") { offset in max(0, min(10, size - offset)) }
        #expect(try await end.search() == size)
    }

    @Test func findsNoEndWhereThereIsNone() async throws {
        #expect(try await ObjectEnd(probeByteCount: 10, name: "object") { _ in nil }.search() == nil)
        await #expect(throws: StoreError.self) {
            try await ObjectEnd(probeByteCount: 10, name: "object") { _ in 10 }.search()
        }
    }

    @Test func cutsBlocksOutOfArraysOfAnyRank() {
        let shape = [3, 4, 2, 5]
        let source = ByteBuffer((0..<120).map { UInt8($0) })
        for (start, count) in [
            ([0, 0, 0, 0], [3, 4, 2, 5]), ([1, 0, 0, 0], [2, 4, 2, 5]), ([1, 2, 0, 3], [2, 1, 2, 2]),
            ([2, 3, 1, 4], [1, 1, 1, 1]), ([0, 1, 0, 0], [3, 2, 2, 5]),
        ] {
            let block = ByteBuffer(count: count.reduce(1, *))
            source.copyBlock(
                count, from: start, of: shape, into: block, at: [0, 0, 0, 0], of: count, elementByteCount: 1)
            let space = IndexSpace(count)
            let expected = (0..<space.count).map { number in
                zip(zip(space.index(at: number), start).map(+), shape).reduce(0) { $0 * $1.1 + $1.0 }
            }
            #expect(block.array == expected.map { UInt8($0) })
        }
    }
}
