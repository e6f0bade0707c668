public import Geometry
internal import JSONText
public import Ledger

/// What a pack holds of an array. A shard is in a pack either as a whole, under its key, or in parts: its encoded index, the version of the shard
/// that the index is of, and an entry for each inner chunk.
extension PlannedArray {
    public static func indexKey(_ shard: String) -> String { "\(shard)#index" }
    public static func versionKey(_ shard: String) -> String { "\(shard)#version" }

    /// Whether a pack holds a chunk, or knows that the store does not.
    public func isKnown(_ index: ZYX<Int>, in pack: Pack) -> Bool {
        guard let place = place(index) else { return pack.knows(key(index)) }
        return pack.knows(place.key) || pack.knows(Self.key(place.key, place.position))
    }

    /// Whether the store is known not to hold a chunk: there is no such object, or the index of its shard says so.
    public func isAbsent(_ index: ZYX<Int>, in pack: Pack) -> Bool {
        guard let place = place(index) else { return pack.isAbsent(key(index)) }
        return pack.isAbsent(place.key) || pack.isAbsent(Self.key(place.key, place.position))
    }

    /// How many of the needed chunks the store is known not to hold.
    public func absentCount(in pack: Pack) -> Int { chunks.count { isAbsent($0, in: pack) } }

    /// Names a chunk with its size and CRC, or the shard that the pack holds it in. The same objects give the same text.
    public func summary(_ index: ZYX<Int>, in pack: Pack) -> String {
        let key = key(index)
        if let place = place(index), let whole = pack.summary(place.key) {
            return "\(place.key) \(whole.size) \(whole.crc32)"
        }
        return pack.summary(key).map { "\(key) \($0.size) \($0.crc32)" } ?? "\(key) absent"
    }

    /// A digest of the needed objects' keys, sizes and CRCs: the input of convert. The order in which objects came does not matter.
    public static func contentDigest(of arrays: [PlannedArray], keys: [String], in pack: Pack) -> Fingerprint {
        var lines = arrays.flatMap { array in contentLines(of: array.chunks, array, in: pack) }
        lines += keys.map { key in pack.summary(key).map { "\(key) \($0.size) \($0.crc32)" } ?? "\(key) absent" }
        return contentDigest(of: lines)
    }

    /// The content digest of some chunks of one array.
    public static func contentDigest(of chunks: [ZYX<Int>], _ array: PlannedArray, in pack: Pack) -> Fingerprint {
        contentDigest(of: contentLines(of: chunks, array, in: pack))
    }

    private static func contentLines(of chunks: [ZYX<Int>], _ array: PlannedArray, in pack: Pack) -> [String] {
        let lines = chunks.map { array.summary($0, in: pack) }
        return array.shards == nil ? lines : Array(Set(lines))
    }

    private static func contentDigest(of lines: [String]) -> Fingerprint {
        Fingerprint(of: .string(lines.sorted().joined(separator: "\n")))
    }
}
