internal import Codecs
internal import JSONText

/// Reads the `compression` of N5 attributes, and the `compressionType` of the format's first version.
///
/// Most parameters have numcodecs' names, because both take them from the same libraries. Those without effect on reading (`preset`,
/// blosc's `nthreads`) are ignored.
struct N5Compression {
    let errors: MetadataErrors
    /// Bytes of one element of the array.
    let elementByteCount: Int

    private static let supported = "raw, blosc, bzip2, gzip, lz4, lzma, xz, zlib, zstd"

    /// What the payload of a block is encoded with, in the order of encoding; empty for `raw`.
    func stages(_ attributes: JSONValue) throws(VolumeError) -> [BytesStage] {
        if let compression = attributes["compression"], !compression.isNull {
            guard compression.object != nil else {
                throw errors.bad("compression", expected: "an object", found: compression)
            }
            guard let type = compression["type"]?.string else {
                throw errors.bad("compression.type", expected: "the name of a codec", found: compression["type"])
            }
            return try stages(type, compression, key: "compression.type")
        }
        guard let type = attributes["compressionType"], !type.isNull else {
            throw errors.bad("compression", expected: "an object", found: nil)
        }
        guard let name = type.string else {
            throw errors.bad("compressionType", expected: "the name of a codec", found: type)
        }
        return try stages(name, [:], key: "compressionType")
    }

    private func stages(_ type: String, _ parameters: JSONValue, key: String) throws(VolumeError) -> [BytesStage] {
        switch type {
        case "raw": return []
        case "gzip": return [try numcodecs(try isZlib(parameters) ? "zlib" : "gzip", parameters)]
        // zarr-python's names where N5 has none, with numcodecs' parameters.
        case "zlib", "zstd", "lzma": return [try numcodecs(type, parameters)]
        case "bzip2": return [.bz2(Bzip2Codec())]
        case "xz": return [.lzma(LZMACodec())]
        case "lz4": return [.n5LZ4(N5LZ4Codec())]
        case "blosc": return [try numcodecs(type, try withNumberedShuffle(parameters))]
        default:
            throw errors.unsupported(
                key, "codec \"\(VolumeError.printable(type))\" is not supported (supported: \(Self.supported))")
        }
    }

    private func numcodecs(_ id: String, _ parameters: JSONValue) throws(VolumeError) -> BytesStage {
        let codec = NumcodecsCodec(
            configuration: parameters, key: "compression", elementByteCount: elementByteCount, errors: errors)
        return try codec.stage(id: id, idKey: "compression.type")
    }

    private func isZlib(_ parameters: JSONValue) throws(VolumeError) -> Bool {
        guard let member = parameters["useZlib"], !member.isNull else { return false }
        guard let flag = member.bool else {
            throw errors.bad("compression.useZlib", expected: "true or false", found: member)
        }
        return flag
    }

    /// The parameters with blosc's shuffle as a number: some writers give its name.
    private func withNumberedShuffle(_ parameters: JSONValue) throws(VolumeError) -> JSONValue {
        guard var members = parameters.object, let name = members["shuffle"]?.string else { return parameters }
        let numbers = [
            "noshuffle": 0, "none": 0, "shuffle": 1, "byteshuffle": 1, "byte": 1, "bitshuffle": 2, "bit": 2,
        ]
        guard let number = numbers[name.lowercased()] else {
            throw errors.bad(
                "compression.shuffle", expected: "0, 1, 2, noshuffle, shuffle or bitshuffle", found: .string(name))
        }
        members["shuffle"] = .integer(number)
        return .object(members)
    }
}
