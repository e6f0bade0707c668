import Elements
import JSONText
import Volumes

/// A block of N5, header and payload, of arrays that are given: the first byte of an input says how they are encoded and how many axes
/// they have, the second of what type they are.
struct N5BlockHarness: Harness {
    let name = "n5-block"

    private static let codecs = ["raw", "gzip", "bzip2", "xz", "lz4", "blosc", "zstd", "zlib"]
    private static let types = ["uint8", "uint16", "int32", "float64"]
    private static let shapes = [[70_000], [300, 200], [64, 64, 64], [9, 8, 7, 6], [5, 4, 3, 2, 6]]

    private let arrays: [ArrayMetadata] = Self.shapes.flatMap { shape in
        Self.codecs.flatMap { codec in Self.types.compactMap { Self.array(shape: shape, codec: codec, type: $0) } }
    }

    private static func array(shape: [Int], codec: String, type: String) -> ArrayMetadata? {
        let extents = JSONValue.array(shape.map { .integer($0) })
        return try? ArrayMetadata(
            n5: [
                "dimensions": extents, "blockSize": extents, "dataType": .string(type),
                "compression": ["type": .string(codec)],
            ], path: "attributes.json")
    }

    private static func selector(shape: Int, codec: Int, type: Int) -> [UInt8] {
        [UInt8(shape * codecs.count + codec), UInt8(type)]
    }

    func run(_ input: UnsafeRawBufferPointer) {
        guard input.count >= 2, arrays.count == Self.shapes.count * Self.codecs.count * Self.types.count else { return }
        let number = (Int(input[0]) * Self.types.count + Int(input[1]) % Self.types.count) % arrays.count
        let block = UnsafeRawBufferPointer(rebasing: input[2...])
        guard let decoded = try? arrays[number].decodeChunk(block.bytes, key: "0") else { return }
        require(decoded.count == arrays[number].chunkByteCount, "a chunk of \(decoded.count) bytes")
    }

    func seeds(_ fixtures: Fixtures) -> [[UInt8]] {
        var seeds: [[UInt8]] = []
        for file in fixtures.files(named: "attributes.json") {
            guard let json = try? JSONValue(parsing: file.bytes), let rank = json["dimensions"]?.array?.count,
                Self.shapes.indices.contains(rank - 1)
            else { continue }
            let name = json["compression"]?["type"]?.string ?? "raw"
            let codec = json["compression"]?["useZlib"] == true ? "zlib" : name == "lzma" ? "xz" : name
            let selector = Self.selector(
                shape: rank - 1, codec: Self.codecs.firstIndex(of: codec) ?? 0,
                type: Self.types.firstIndex(of: json["dataType"]?.string ?? "") ?? 0)
            seeds += fixtures.chunks(of: file, limit: 3).map { selector + $0.bytes }
        }
        // One that counts its elements (mode 1).
        let counted: [UInt8] = [0, 1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 5, 6]
        return seeds + [Self.selector(shape: 0, codec: 0, type: 0) + counted]
    }
}
