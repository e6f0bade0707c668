internal import Codecs
internal import Elements
internal import JSONText

/// Reads the configuration of one of numcodecs' codecs, as Zarr v2 has it in `compressor` and `filters`: an object with
/// an `id` and parameters. Parameters that do not matter for reading are ignored.
struct NumcodecsCodec {
    let configuration: JSONValue
    /// The member that holds the configuration, for messages: `compressor`, `filters[0]`.
    let key: String
    /// Bytes of one element of the array, for blosc's shuffle.
    let elementByteCount: Int
    let errors: MetadataErrors

    /// The codec that `id` names.
    func stage() throws(VolumeError) -> BytesStage {
        guard configuration.object != nil else {
            throw errors.bad(key, expected: "null or an object", found: configuration)
        }
        guard let id = configuration["id"]?.string else {
            throw errors.bad("\(key).id", expected: "the name of a codec", found: configuration["id"])
        }
        return try stage(id: id, idKey: "\(key).id")
    }

    /// The codec of that name.
    ///
    /// - Parameter idKey: the member that holds the name, for messages.
    func stage(id: String, idKey: String) throws(VolumeError) -> BytesStage {
        switch id {
        case "gzip": return .gzip(GzipCodec(level: try integer("level", default: 1)))
        case "zlib": return .zlib(ZlibCodec(level: try integer("level", default: 1)))
        case "zstd":
            return .zstd(
                ZstdCodec(
                    level: try integer("level", default: 0), checksum: configuration["checksum"]?.bool ?? false))
        case "blosc": return .blosc(try blosc())
        case "bz2": return .bz2(Bzip2Codec())
        case "lzma": return .lzma(try lzma())
        case "lz4": return .lz4(LZ4Codec())
        case "shuffle":
            return .shuffle(
                ShuffleFilter(elementByteCount: max(0, try integer("elementsize", default: 4, in: -1...(1 << 20)))))
        case "base64": return .base64(Base64Codec())
        case "packbits": return .packBits(PackBitsFilter())
        case "delta", "fixedscaleoffset", "quantize", "astype", "bitround": return .elements(try elementFilter(id))
        default:
            if let kind = ChecksumFilter.Kind(rawValue: id) {
                return .checksum(try checksum(kind))
            }
            throw errors.unsupported(
                idKey,
                "codec \"\(VolumeError.printable(id))\" is not supported (supported: \(Self.names))")
        }
    }

    private static let names =
        "blosc, bz2, gzip, lz4, lzma, zlib, zstd, astype, base64, bitround, delta, fixedscaleoffset, packbits, quantize, "
        + "shuffle, adler32, crc32, crc32c, fletcher32, jenkins_lookup3"

    private func blosc() throws(VolumeError) -> BloscCodec {
        let names = ["blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd"]
        let compressor = configuration["cname"] ?? .null
        guard compressor.isNull || compressor.string.map(names.contains) == true else {
            throw errors.bad(
                "\(key).cname", expected: "one of \(names.joined(separator: ", "))", found: compressor)
        }
        return BloscCodec(
            compressor: compressor.string ?? "lz4", level: try integer("clevel", default: 5),
            shuffle: try integer("shuffle", default: 1, in: -1...2), typeSize: elementByteCount,
            blockSize: try integer("blocksize", default: 0, in: 0...Int(Int32.max)))
    }

    private func checksum(_ kind: ChecksumFilter.Kind) throws(VolumeError) -> ChecksumFilter {
        switch kind {
        case .fletcher32:
            return ChecksumFilter(kind)
        case .lookup3:
            guard configuration["prefix"]?.isNull ?? true else {
                throw errors.unsupported("\(key).prefix", "a prefix of \(kind.rawValue) is not supported")
            }
            return ChecksumFilter(
                kind, initial: UInt32(try integer("initval", default: 0, in: 0...Int(UInt32.max))))
        case .crc32, .crc32c, .adler32:
            guard let location = configuration["location"], !location.isNull else { return ChecksumFilter(kind) }
            guard location == "start" || location == "end" else {
                throw errors.bad("\(key).location", expected: "\"start\" or \"end\"", found: location)
            }
            return ChecksumFilter(kind, isAtStart: location == "start")
        }
    }

    // MARK: Element-wise filters

    private func elementFilter(_ id: String) throws(VolumeError) -> ElementFilter {
        switch id {
        case "astype":
            return .convert(decoded: try type("decode_dtype"), encoded: try type("encode_dtype"))
        case "bitround":
            return .bitRound(keepBits: try integer("keepbits", default: 0, in: 0...52))
        case "fixedscaleoffset":
            let (offset, scale) = (try number("offset"), try number("scale"))
            let decoded = try type("dtype")
            return .fixedScaleOffset(
                offset: offset, scale: scale, decoded: decoded, encoded: try type("astype", default: decoded))
        case "quantize":
            let decoded = try type("dtype")
            let encoded = try type("astype", default: decoded)
            for (name, type) in [("dtype", decoded), ("astype", encoded)] where !type.elementType.isFloat {
                throw errors.bad("\(key).\(name)", expected: "a floating point type", found: configuration[name])
            }
            return .convert(decoded: decoded, encoded: encoded)
        default:
            let decoded = try type("dtype")
            return .delta(decoded: decoded, encoded: try type("astype", default: decoded))
        }
    }

    private func type(_ name: String, default value: StoredType? = nil) throws(VolumeError) -> StoredType {
        if let value, configuration[name]?.isNull ?? true { return value }
        return try NumpyDataType(errors: errors).parameter(configuration[name], "\(key).\(name)")
    }

    // MARK: LZMA

    private func lzma() throws(VolumeError) -> LZMACodec {
        let number = try integer("format", default: 1)
        guard let format = LZMACodec.Format(rawValue: number) else {
            throw errors.unsupported("\(key).format", "expected 0, 1, 2 or 3, found \(number)")
        }
        guard format == .raw else { return LZMACodec(format: format) }
        guard let list = configuration["filters"]?.array, (1...LZMAFilter.maximumCount).contains(list.count) else {
            throw errors.bad(
                "\(key).filters", expected: "1 to \(LZMAFilter.maximumCount) filters",
                found: configuration["filters"])
        }
        var filters: [LZMAFilter] = []
        for (index, filter) in list.enumerated() {
            filters.append(try lzmaFilter(filter, "\(key).filters[\(index)]"))
        }
        return LZMACodec(format: format, filters: filters)
    }

    private func lzmaFilter(_ filter: JSONValue, _ key: String) throws(VolumeError) -> LZMAFilter {
        let reader = NumcodecsCodec(
            configuration: filter, key: key, elementByteCount: elementByteCount, errors: errors)
        let id = try reader.integer("id", default: -1)
        switch id {
        case 3:
            return .delta(distance: try reader.integer("dist", default: 1, in: 1...256))
        case 0x21:
            return .lzma2(dictionaryByteCount: try reader.dictionaryByteCount())
        case 0x4000_0000_0000_0001:
            return .lzma1(
                dictionaryByteCount: try reader.dictionaryByteCount(),
                lc: UInt32(try reader.integer("lc", default: 3, in: 0...4)),
                lp: UInt32(try reader.integer("lp", default: 0, in: 0...4)),
                pb: UInt32(try reader.integer("pb", default: 2, in: 0...4)))
        case 4...9:
            let offset = try reader.integer("start_offset", default: 0, in: 0...Int(UInt32.max))
            return .branch(identifier: UInt64(id), startOffset: UInt32(offset))
        default:
            throw errors.unsupported("\(key).id", "there is no LZMA filter \(MetadataErrors.excerpt(filter["id"]))")
        }
    }

    private func dictionaryByteCount() throws(VolumeError) -> UInt32 {
        let preset = try integer("preset", default: 6)
        guard let size = LZMAFilter.dictionaryByteCount(preset: preset) else {
            throw errors.bad("\(key).preset", expected: "0 to 9", found: configuration["preset"])
        }
        return UInt32(try integer("dict_size", default: Int(size), in: 0...Int(UInt32.max)))
    }

    // MARK: Members

    private func integer(
        _ name: String, default value: Int, in range: ClosedRange<Int>? = nil
    ) throws(VolumeError) -> Int {
        guard let member = configuration[name], !member.isNull else { return value }
        guard let integer = member.integer else {
            throw errors.bad("\(key).\(name)", expected: "an integer", found: member)
        }
        if let range, !range.contains(integer) {
            throw errors.bad("\(key).\(name)", expected: "\(range.lowerBound) to \(range.upperBound)", found: member)
        }
        return integer
    }

    private func number(_ name: String) throws(VolumeError) -> Double {
        guard let number = configuration[name]?.double else {
            throw errors.bad("\(key).\(name)", expected: "a number", found: configuration[name])
        }
        return number
    }
}
