internal import Geometry
internal import Ledger
internal import Stores

/// Which version of an object an item was made from. As text one line: its CRC-32, a space, the key, a tab, and the mark, or `absent`.
struct ObjectVersion: Sendable, Hashable {
    private static let absent = "absent"

    /// Below the store.
    let key: String
    /// nil where the store has proved not to hold the object.
    let mark: ObjectMark?

    init(key: String, mark: ObjectMark?) {
        self.key = key
        self.mark = mark
    }

    var line: String {
        let text = "\(key)\t\(mark?.text ?? Self.absent)"
        return "\(LineChecksum.digits(of: text.utf8)) \(text)\n"
    }

    /// - Parameter isChecked: whether the line must have a checksum; those of earlier versions have none.
    /// - Returns: nil for a line that is none of a version, or not what was written; it has no line break at its end.
    init?(line: ArraySlice<UInt8>, isChecked: Bool) {
        let text: ArraySlice<UInt8>
        if isChecked || Self.hasChecksum(line) {
            guard let checked = LineChecksum.checked(line) else { return nil }
            text = checked
        } else {
            text = line
        }
        guard let tab = text.lastIndex(of: UInt8(ascii: "\t")) else { return nil }
        key = String(decoding: text[..<tab], as: UTF8.self)
        let mark = String(decoding: text[(tab + 1)...], as: UTF8.self)
        if mark == Self.absent {
            self.mark = nil
        } else {
            guard let mark = ObjectMark(text: mark) else { return nil }
            self.mark = mark
        }
    }

    /// Whether a line looks as if it had a checksum.
    static func hasChecksum(_ line: ArraySlice<UInt8>) -> Bool {
        line.count > LineChecksum.byteCount && line[line.startIndex + 8] == UInt8(ascii: " ")
            && line.prefix(8).allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// Whether the store, which now says `found` (nil: no such object), still has this version.
    func isSame(as found: ObjectMark?) -> Bool {
        guard let mark, let found else { return mark == nil && found == nil }
        return mark.isSame(as: found)
    }
}

extension PlannedArray {
    /// The versions of the objects that hold some chunks, as far as a pack knows them, each once.
    func versions(of chunks: [ZYX<Int>], in pack: Pack) -> [ObjectVersion] {
        var seen: Set<String> = []
        return chunks.compactMap { index in
            guard isKnown(index, in: pack) else { return nil }
            let key = objectKey(index)
            guard shards == nil || seen.insert(key).inserted else { return nil }
            if pack.isAbsent(key) { return ObjectVersion(key: key, mark: nil) }
            return ObjectVersion(key: key, mark: pack.mark(key).flatMap { ObjectMark(text: $0) } ?? ObjectMark())
        }
    }

    /// The key of the object that holds a chunk: its own, or that of its shard.
    func objectKey(_ index: ZYX<Int>) -> String { place(index)?.key ?? key(index) }
}

extension Pack {
    /// Forgets everything that it holds of some objects, the parts of shards included.
    func forget(objects: Set<String>) throws(LedgerError) {
        guard !objects.isEmpty else { return }
        try forget { key in
            objects.contains(key)
                || key.utf8.lastIndex(of: UInt8(ascii: "#")).map { objects.contains(String(key[..<$0])) } ?? false
        }
    }
}
