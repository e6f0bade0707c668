internal import Codecs
internal import Elements
internal import JSONText

/// Reads and checks the shapes in metadata, by the rules that all formats share.
struct MetadataExtents {
    let errors: MetadataErrors

    /// The numbers of a member such as `shape` or `chunks`.
    ///
    /// - Parameter key: the name of the member in messages.
    func numbers(_ value: JSONValue?, _ key: String, atLeast minimum: Int) throws(VolumeError) -> [Int] {
        guard let values = value?.array else {
            throw errors.bad(key, expected: "an array of integers", found: value)
        }
        guard values.count <= ArrayMetadata.maximumRank else {
            throw errors.unsupported(
                key, "expected at most \(ArrayMetadata.maximumRank) axes, found \(values.count)")
        }
        var extents: [Int] = []
        for (axis, value) in values.enumerated() {
            guard let extent = value.integer, extent >= minimum else {
                throw errors.bad("\(key)[\(axis)]", expected: "an integer of at least \(minimum)", found: value)
            }
            guard extent <= ArrayMetadata.maximumArrayByteCount else {
                throw errors.tooLarge("\(key)[\(axis)]", "\(extent) is more than 2^62")
            }
            extents.append(extent)
        }
        return extents
    }

    /// Checks that both shapes have the same number of axes, and that array and chunk are not too large.
    ///
    /// - Parameters:
    ///   - shapeKey: the name of the member that holds the shape; `chunkKey` that of the chunk's.
    func check(
        shape: [Int], _ shapeKey: String, chunkShape: [Int], _ chunkKey: String, elementByteCount: Int
    ) throws(VolumeError) {
        guard shape.count == chunkShape.count else {
            throw errors.bad(
                chunkKey, expected: "\(shape.count) numbers, as many as \(shapeKey) has",
                found: .array(chunkShape.map { .integer($0) }))
        }
        guard Self.byteCount(shape, elementByteCount, atMost: ArrayMetadata.maximumArrayByteCount) != nil else {
            throw errors.tooLarge(shapeKey, "\(shape) elements of \(elementByteCount) bytes are more than 2^62 bytes")
        }
        let limit = ChunkForm.maximumByteCount
        guard Self.byteCount(chunkShape, elementByteCount, atMost: limit) != nil else {
            throw errors.tooLarge(
                chunkKey, "\(chunkShape) elements of \(elementByteCount) bytes are more than \(limit) bytes")
        }
    }

    /// Checks that no stage of a chain exceeds the accepted size of a chunk, or the codec's own limit.
    func check(_ codecs: CodecChain, form: ChunkForm, _ chunkKey: String) throws(VolumeError) {
        let limit = ChunkForm.maximumByteCount
        let forms = codecs.forms(of: form)
        let bounds = codecs.byteBounds(of: forms.last ?? form)
        for bytes in forms.map(\.byteCount) + bounds where bytes > limit + limit / 4 {
            throw errors.tooLarge(chunkKey, "\(form.shape) elements become \(bytes) bytes between two codecs")
        }
        guard case .bytes = codecs.arrayToBytes, case .blosc = codecs.bytesToBytes.first, let bytes = bounds.first,
            bytes > BloscCodec.maximumByteCount
        else { return }
        throw errors.tooLarge(
            chunkKey,
            "\(form.shape) elements of \(bytes) bytes are more than blosc's \(BloscCodec.maximumByteCount)")
    }

    /// The product of the extents and the bytes of an element; nil where it is above `limit`.
    static func byteCount(_ extents: [Int], _ elementByteCount: Int, atMost limit: Int) -> Int? {
        if extents.contains(0) { return 0 }
        var total = elementByteCount
        for extent in extents {
            let (product, overflow) = total.multipliedReportingOverflow(by: extent)
            guard !overflow, product <= limit else { return nil }
            total = product
        }
        return total
    }
}
