internal import Geometry
internal import Ledger

/// What a pack holds of an array. A shard is in a pack as it is, under its key, or in parts: its encoded index, what version of the
/// shard that is of, and inner chunks, each an entry of its own.
extension PlannedArray {
    static func indexKey(_ shard: String) -> String { "\(shard)#index" }
    static func versionKey(_ shard: String) -> String { "\(shard)#version" }

    /// Whether a pack holds a chunk, or knows that the store does not.
    func isKnown(_ index: ZYX<Int>, in pack: Pack) -> Bool {
        guard let place = place(index) else { return pack.knows(key(index)) }
        return pack.knows(place.key) || pack.knows(Self.key(place.key, place.position))
    }

    /// Whether the store is known not to hold a chunk: there is no such object, or the index of its shard says so.
    func isAbsent(_ index: ZYX<Int>, in pack: Pack) -> Bool {
        guard let place = place(index) else { return pack.isAbsent(key(index)) }
        return pack.isAbsent(place.key) || pack.isAbsent(Self.key(place.key, place.position))
    }

    /// How many of the needed chunks the store is known not to hold.
    func absentCount(in pack: Pack) -> Int { chunks.count { isAbsent($0, in: pack) } }

    /// Of a chunk's name and bytes, or those of the shard that the pack holds it in. The same objects give the same text.
    func summary(_ index: ZYX<Int>, in pack: Pack) -> String {
        let key = key(index)
        if let place = place(index), let whole = pack.summary(place.key) {
            return "\(place.key) \(whole.size) \(whole.crc32)"
        }
        return pack.summary(key).map { "\(key) \($0.size) \($0.crc32)" } ?? "\(key) absent"
    }
}
