internal import Codecs
public import Elements

/// How a chunk is encoded: array → array stages, then one that makes bytes of the array, then bytes → bytes stages.
///
/// All lists are in the order of encoding. The chunk's form and the stages before limit what each stage may decode to, so that no stored
/// byte decides how much memory is allocated.
public struct CodecChain: Sendable, Equatable {
    public let arrayToArray: [ArrayStage]
    public let arrayToBytes: ArrayToBytes
    public let bytesToBytes: [BytesStage]

    public init(
        arrayToArray: [ArrayStage] = [], arrayToBytes: ArrayToBytes = .bytes(isBigEndian: false),
        bytesToBytes: [BytesStage] = []
    ) {
        self.arrayToArray = arrayToArray
        self.arrayToBytes = arrayToBytes
        self.bytesToBytes = bytesToBytes
    }

    /// Far above all accepted sizes, and low enough that a stage can multiply it without overflow.
    private static let largestBound = 1 << 50
    /// The largest number of stages of one kind that is accepted.
    static let maximumStageCount = 32

    /// The forms of a chunk before each array → array stage, and after the last one.
    func forms(of form: ChunkForm) -> [ChunkForm] {
        arrayToArray.reduce(into: [form]) { forms, stage in
            if let last = forms.last { forms.append(stage.encodedForm(of: last)) }
        }
    }

    /// Upper bounds for the chunk's bytes before each bytes → bytes stage, and after the last one.
    func byteBounds(of encodedForm: ChunkForm) -> [Int] {
        bytesToBytes.reduce(into: [arrayToBytes.encodedByteBound(of: encodedForm)]) { bounds, stage in
            if let last = bounds.last { bounds.append(min(stage.encodedByteBound(of: last), Self.largestBound)) }
        }
    }

    /// An upper bound for the bytes of a stored chunk of this form.
    public func encodedByteBound(of form: ChunkForm) -> Int {
        byteBounds(of: forms(of: form).last ?? form).last ?? form.byteCount
    }

    /// Decodes one stored chunk to C order, native byte order, exactly the bytes of `form`.
    ///
    /// - Parameter key: the chunk's key, for messages.
    /// - Throws: ``VolumeError`` with code `.corruptChunk` where the bytes are damaged or do not give exactly the bytes
    ///   of the form, `.unsupported` where they use a variety of a codec that cannot be read.
    public func decode(_ encoded: RawSpan, form: ChunkForm, key: String) throws(VolumeError) -> ByteBuffer {
        let forms = forms(of: form)
        let message = ChunkMessage(key: key, encodedByteCount: encoded.byteCount, form: form)
        var chunk = try decodeArray(encoded, form: forms.last ?? form, message)
        for (stage, form) in zip(arrayToArray, forms).reversed() {
            do throws(CodecError) {
                chunk = try stage.decode(chunk, to: form)
            } catch {
                throw message.error(error)
            }
            try message.check(chunk.count, against: form)
        }
        return chunk
    }

    /// Decodes to the chunk as the array → array stages have encoded it.
    private func decodeArray(
        _ encoded: RawSpan, form: ChunkForm, _ message: ChunkMessage
    ) throws(VolumeError) -> ByteBuffer {
        let bounds = byteBounds(of: form)
        switch arrayToBytes {
        case .bytes(let isBigEndian):
            let buffer = ByteBuffer(count: form.byteCount)
            try decodeBytes(encoded, bounds, into: buffer, message)
            try message.check(buffer.count, against: form)
            if StoredType(form.elementType, isBigEndian: isBigEndian).isByteSwapped {
                buffer.swapBytes(elementByteCount: form.elementType.byteCount)
            }
            return buffer
        case .packBits:
            let buffer = ByteBuffer(count: form.byteCount)
            let stages = [.packBits(PackBitsFilter())] + bytesToBytes
            let chain = CodecChain(bytesToBytes: stages)
            try chain.decodeBytes(encoded, [form.byteCount] + bounds, into: buffer, message)
            try message.check(buffer.count, against: form)
            return buffer
        case .sharding(let layout):
            return try withDecodedBytes(encoded, bounds, message) { bytes throws(VolumeError) in
                try layout.decode(bytes, form: form, key: message.key)
            }
        case .n5Block(let layout):
            return try withDecodedBytes(encoded, bounds, message) { bytes throws(VolumeError) in
                try layout.decode(bytes, form: form, key: message.key)
            }
        }
    }

    /// Undoes all bytes → bytes stages, without a copy where there are none.
    private func withDecodedBytes(
        _ encoded: RawSpan, _ bounds: [Int], _ message: ChunkMessage,
        _ body: (RawSpan) throws(VolumeError) -> ByteBuffer
    ) throws(VolumeError) -> ByteBuffer {
        guard !bytesToBytes.isEmpty else { return try body(encoded) }
        let buffer = ByteBuffer(count: bounds.first ?? 0)
        try decodeBytes(encoded, bounds, into: buffer, message)
        return try buffer.withSpan(body)
    }

    /// Undoes all bytes → bytes stages into a buffer, and cuts it to the bytes written.
    private func decodeBytes(
        _ encoded: RawSpan, _ bounds: [Int], into buffer: ByteBuffer, _ message: ChunkMessage
    ) throws(VolumeError) {
        let count: Int
        do throws(CodecError) {
            count = try buffer.withMutableSpan { output throws(CodecError) in
                try decode(encoded, throughStages: bytesToBytes.count, bounds, into: &output)
            }
        } catch {
            throw message.error(error)
        }
        buffer.resize(to: count)
    }

    /// Undoes the first `stages` of the bytes → bytes stages, the last of them first; returns the bytes written.
    private func decode(
        _ encoded: RawSpan, throughStages stages: Int, _ bounds: [Int], into output: inout MutableRawSpan
    ) throws(CodecError) -> Int {
        guard stages > 0 else { return try NoCodec().decode(encoded, into: &output) }
        let stage = bytesToBytes[stages - 1]
        if let payload = try stage.payload(of: encoded) {
            return try decode(encoded.extracting(payload), throughStages: stages - 1, bounds, into: &output)
        }
        let decoder = stage.decoder ?? NoCodec()
        guard stages > 1 else { return try decoder.decode(encoded, into: &output) }
        let buffer = ByteBuffer(count: bounds[stages - 1])
        let count = try buffer.withMutableSpan { bytes throws(CodecError) in
            try decoder.decode(encoded, into: &bytes)
        }
        buffer.resize(to: count)
        return try buffer.withSpan { bytes throws(CodecError) in
            try decode(bytes, throughStages: stages - 1, bounds, into: &output)
        }
    }
}

/// The errors of one chunk.
private struct ChunkMessage {
    let key: String
    let encodedByteCount: Int
    let form: ChunkForm

    func error(_ cause: CodecError) -> VolumeError {
        VolumeError(
            cause.code == .unsupported ? .unsupported : .corruptChunk, path: key,
            "\(cause.description); the chunk is \(encodedByteCount) bytes, and \(form.byteCount) when decoded "
                + "(shape \(form.shape), \(form.elementType.rawValue))",
            cause: cause)
    }

    func check(_ found: Int, against form: ChunkForm) throws(VolumeError) {
        guard found != form.byteCount else { return }
        throw VolumeError(
            .corruptChunk, path: key,
            "decoded to \(found) bytes, expected \(form.byteCount) (shape \(form.shape), \(form.elementType.rawValue))")
    }
}
