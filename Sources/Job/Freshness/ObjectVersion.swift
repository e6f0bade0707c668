internal import Arrays
internal import Codecs
internal import Elements
internal import Geometry
public import Ledger
public import Stores

/// Which version of an object an item was made from. As text one line: its CRC-32, a space, the key, a tab, and the mark, or `absent`; where
/// the content is known, a tab, its CRC-32, a space and its size.
public struct ObjectVersion: Sendable, Hashable {
    private static let absent = "absent"

    /// What was fetched of an object; of a shard, the inner chunks that the item needs.
    struct Content: Sendable, Hashable {
        let crc32: UInt32
        /// Bytes.
        let size: Int

        var text: String {
            "\(crc32.hexadecimal) \(size)"
        }

        init(crc32: UInt32, size: Int) { (self.crc32, self.size) = (crc32, size) }

        /// - Returns: nil for a text that ``text`` never is.
        init?(text: String) {
            let parts = text.split(separator: " ", omittingEmptySubsequences: false)
            guard parts.count == 2, let crc32 = UInt32(parts[0], radix: 16), let size = Int(parts[1]) else {
                return nil
            }
            self.init(crc32: crc32, size: size)
            guard self.text == text else { return nil }
        }
    }

    /// Below the store.
    public let key: String
    /// nil where the store has proved not to hold the object.
    public let mark: ObjectMetadata?
    /// Known only where the store gives no marks that others could compare.
    let content: Content?

    init(key: String, mark: ObjectMetadata?, content: Content? = nil) {
        self.key = key
        self.mark = mark
        self.content = content
    }

    public var line: String {
        let text = "\(key)\t\(mark?.text ?? Self.absent)\(content.map { "\t\($0.text)" } ?? "")"
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
        let columns = text.split(separator: UInt8(ascii: "\t"), maxSplits: 3, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard columns.count == 2 || columns.count == 3 else { return nil }
        key = columns[0]
        let mark = columns[1]
        content = columns.count == 3 ? Content(text: columns[2]) : nil
        guard columns.count == 2 || content != nil else { return nil }
        if mark == Self.absent {
            self.mark = nil
        } else {
            guard let mark = ObjectMetadata(text: mark) else { return nil }
            self.mark = mark
        }
    }

    /// Whether a line looks as if it had a checksum.
    static func hasChecksum(_ line: ArraySlice<UInt8>) -> Bool {
        line.count > LineChecksum.byteCount && line[line.startIndex + 8] == UInt8(ascii: " ")
            && line.prefix(8).allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// Whether the store, which now says `found` (nil: no such object), still has this version.
    public func isSame(as found: ObjectMetadata?) -> Bool {
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
            return ObjectVersion(
                key: key, mark: pack.mark(key).flatMap { ObjectMetadata(text: $0) } ?? ObjectMetadata())
        }
    }

    /// The same, with the content of the objects that the store gives no mark of its own. Blocks.
    func versions(of chunks: [ZYX<Int>], in pack: Pack, from store: StoreURL) throws -> [ObjectVersion] {
        let inner = shards.map { _ in Dictionary(grouping: chunks, by: objectKey) } ?? [:]
        return try versions(of: chunks, in: pack).map { version in
            guard let mark = version.mark, !SourceDigest.identifies(mark, of: store) else { return version }
            let content = try content(of: version.key, inner: inner[version.key] ?? [], in: pack)
            return ObjectVersion(key: version.key, mark: mark, content: content)
        }
    }

    /// What a pack holds of an object. Of a shard it is the sum of the inner chunks that are needed: whether the rest of it was fetched, too, does
    /// not matter.
    private func content(of key: String, inner: [ZYX<Int>], in pack: Pack) throws -> ObjectVersion.Content? {
        guard let shards else { return pack.summary(key).map { ObjectVersion.Content(crc32: $0.crc32, size: $0.size) } }
        let whole = PackShards(shards, pack: pack)
        var lines: [String] = []
        var size = 0
        for index in inner {
            guard let place = place(index) else { continue }
            let part: ObjectVersion.Content
            if let summary = pack.summary(self.key(index)) {
                part = ObjectVersion.Content(crc32: summary.crc32, size: summary.size)
            } else if pack.summary(key) != nil, let bytes = try whole.read(place.position, of: key) {
                part = ObjectVersion.Content(crc32: bytes.withSpan { Checksum.crc32($0) }, size: bytes.count)
            } else {
                continue
            }
            lines.append("\(self.key(index)) \(part.text)")
            size += part.size
        }
        let text = ByteBuffer(Array(lines.sorted().joined(separator: "\n").utf8))
        return ObjectVersion.Content(crc32: text.withSpan { Checksum.crc32($0) }, size: size)
    }

    /// The key of the object that holds a chunk: its own, or that of its shard.
    func objectKey(_ index: ZYX<Int>) -> String { place(index)?.key ?? key(index) }
}

extension Pack {
    /// Forgets everything that it holds of some objects, the parts of shards included.
    public func forget(objects: Set<String>) throws(LedgerError) {
        guard !objects.isEmpty else { return }
        try forget { key in
            objects.contains(key)
                || key.utf8.lastIndex(of: UInt8(ascii: "#")).map { objects.contains(String(key[..<$0])) } ?? false
        }
    }
}
