public import Codecs
internal import JSONText

/// The one place that knows which codecs there are: a new codec is added to both functions here.
enum CodecRegistry {
    /// The most bytes that a chunk encoded with blosc can have.
    static let maximumBloscByteCount = BloscCodec.maximumByteCount

    /// The codec of a Zarr v2 `compressor` member: null, or an object with an `id` and numcodecs' parameters.
    ///
    /// Unknown parameters are ignored: `checksum` of zstd is one that broke stricter readers.
    static func summary(zarrV2 compressor: JSONValue?, errors: MetadataErrors) throws(VolumeError) -> CodecSummary {
        guard let compressor, !compressor.isNull else { return .none }
        guard compressor.object != nil else {
            throw errors.bad("compressor", expected: "null or an object", found: compressor)
        }
        guard let id = compressor["id"]?.string else {
            throw errors.bad("compressor.id", expected: "the name of a codec", found: compressor["id"])
        }
        let parameters = Parameters(values: compressor, errors: errors)
        switch id {
        case "gzip", "zlib":
            return CodecSummary(name: id, level: try parameters.integer("level", default: 1))
        case "zstd":
            return CodecSummary(
                name: id, level: try parameters.integer("level", default: 0),
                checksum: compressor["checksum"]?.bool ?? false)
        case "blosc":
            let level = try parameters.integer("clevel", default: 5)
            let blosc = CodecSummary.Blosc(
                compressor: try parameters.bloscCompressor(),
                shuffle: try parameters.integer("shuffle", default: 1, in: -1...2),
                blockSize: try parameters.integer("blocksize", default: 0, in: 0...Int(Int32.max)))
            return CodecSummary(name: id, level: level, blosc: blosc)
        default:
            throw errors.unsupported(
                "compressor.id",
                "codec \"\(VolumeError.printable(id))\" is not supported (supported: null, blosc, gzip, zlib, zstd)")
        }
    }

    /// The codec itself; nil where a summary names one that does not exist.
    static func codec(_ summary: CodecSummary, elementByteCount: Int) -> (any ChunkCodec)? {
        switch summary.name {
        case "none": NoCodec()
        case "gzip": GzipCodec(level: summary.level ?? 5)
        case "zlib": ZlibCodec(level: summary.level ?? 5)
        case "zstd": ZstdCodec(level: summary.level ?? 0, checksum: summary.checksum)
        case "blosc":
            summary.blosc.map {
                BloscCodec(
                    compressor: $0.compressor, level: summary.level ?? 5, shuffle: $0.shuffle,
                    typeSize: elementByteCount, blockSize: $0.blockSize)
            }
        default: nil
        }
    }

    /// Members of a codec's configuration; null and missing give the codec's default.
    private struct Parameters {
        let values: JSONValue
        let errors: MetadataErrors

        func integer(_ key: String, default value: Int, in range: ClosedRange<Int>? = nil) throws(VolumeError) -> Int {
            guard let member = values[key], !member.isNull else { return value }
            guard let integer = member.integer else {
                throw errors.bad("compressor.\(key)", expected: "an integer", found: member)
            }
            if let range, !range.contains(integer) {
                throw errors.bad(
                    "compressor.\(key)", expected: "\(range.lowerBound) to \(range.upperBound)", found: member)
            }
            return integer
        }

        func bloscCompressor() throws(VolumeError) -> String {
            let names = ["blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd"]
            guard let member = values["cname"], !member.isNull else { return "lz4" }
            guard let name = member.string, names.contains(name) else {
                throw errors.bad(
                    "compressor.cname", expected: "one of \(names.joined(separator: ", "))", found: member)
            }
            return name
        }
    }
}

extension CodecSummary {
    /// The codec, for elements of `elementByteCount` bytes; nil where `name` is not one of the known names.
    public func makeCodec(elementByteCount: Int) -> (any ChunkCodec)? {
        CodecRegistry.codec(self, elementByteCount: elementByteCount)
    }
}
