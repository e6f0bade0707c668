/// The stage of a codec chain that turns an array into bytes.
public enum ArrayToBytes: Sendable, Equatable {
    /// The elements in C order.
    case bytes(isBigEndian: Bool)
    /// Booleans packed to bits, in C order, as numcodecs does it.
    case packBits
    /// Many chunks in one object, with an index (Zarr v3's `sharding_indexed`).
    indirect case sharding(ShardLayout)
    /// A block of N5: a header, then the encoded elements.
    case n5Block(N5BlockLayout)

    /// An upper bound for the encoded bytes of a chunk of this form.
    func encodedByteBound(of form: ChunkForm) -> Int {
        switch self {
        case .bytes: form.byteCount
        case .packBits: form.elementCount / 8 + 2
        case .sharding(let layout): layout.encodedByteBound(of: form)
        case .n5Block(let layout): layout.encodedByteBound(of: form)
        }
    }
}
