public import Arrays
internal import Crypto
public import Elements
internal import Foundation
public import JSONText
public import Ledger
public import Planning
public import Stores

/// Which objects of an array an item was made from, in one number: the SHA-256 of a line for each of them, `key`, a tab, and the ETag, in the
/// order of the keys' bytes. Where the store gives no ETag, CRC-32 and size of the content stand in its place. Objects that the store does not
/// hold have no line.
public struct SourceDigest: Sendable, Hashable {
    /// What it is called in the record of a download.
    public static let key = "sources"

    /// Of the array, below the store.
    public let array: String
    /// How many objects there are; nil where that is not known.
    public let objects: Int?
    /// nil where it is not known of each object which it was: downloads of earlier versions noted less.
    public let sha256: String?

    public init(array: String, objects: Int?, sha256: String?) {
        (self.array, self.objects, self.sha256) = (array, objects, sha256)
    }

    public init(unknown array: String) { self.init(array: array, objects: nil, sha256: nil) }

    /// Whether a mark is one that the store has given. What we make up of a file's time and number is another one for a copy of it.
    static func identifies(_ mark: ObjectMetadata, of store: StoreURL) -> Bool {
        switch store.scheme {
        case .s3, .https, .http: mark.etag != nil
        case .file, .sample: false
        }
    }

    // MARK: Records

    public static func json(_ digests: [SourceDigest]) -> JSONValue {
        .array(
            digests.map { digest in
                [
                    "key": .string(digest.array), "objects": digest.objects.map { .integer($0) } ?? .null,
                    "sha256": digest.sha256.map { .string($0) } ?? .null,
                ]
            })
    }

    /// What the record of a download says, by array; nil in those of earlier versions.
    public static func noted(in download: Record) -> [ByteName: SourceDigest]? {
        guard let noted = download.result[key]?.array else { return nil }
        var digests: [ByteName: SourceDigest] = [:]
        for entry in noted {
            guard let array = entry["key"]?.string else { continue }
            digests[ByteName(array)] = SourceDigest(
                array: array, objects: entry["objects"]?.integer, sha256: entry["sha256"]?.string)
        }
        return digests
    }

    /// The digests of all arrays of an item whose record has none, by the versions that were kept of its objects. Blocks.
    public static func kept(of plan: ItemPlan, _ download: Record, _ context: JobContext) throws -> [SourceDigest] {
        do {
            if let file = try VersionFile(of: plan.name, fingerprint: download.fingerprint, in: context.state) {
                return try of(file, plan, context)
            }
        } catch let error as LedgerError where error.code == .corrupt {}
        return plan.arrays.map { SourceDigest(unknown: $0.key) }
    }

    // MARK: Counting

    /// Bytes that a line takes in memory beside its own.
    private static let lineOverhead = 96

    /// The digests of all arrays of an item, in their order. It is read several times where its lines do not fit into memory at once. Blocks.
    public static func of(_ file: VersionFile, _ plan: ItemPlan, _ context: JobContext) throws -> [SourceDigest] {
        try of(
            file, arrays: plan.arrays.map(\.key), store: context.store.url,
            memory: max(context.memory.work / 2, 1 << 20), stop: context.stop)
    }

    public static func of(
        _ file: VersionFile, arrays: [String], store: StoreURL, memory: Int, stop: StopSignal
    ) throws -> [SourceDigest] {
        var sizes = arrays.map { _ in SortedRanges() }
        var isKnown = arrays.map { _ in true }
        try forEachLine(of: file, arrays, store, stop) { array, key, line in
            sizes[array].note(key, bytes: key.utf8.count + (line?.utf8.count ?? 0) + lineOverhead)
            if line == nil { isKnown[array] = false }
        }
        var hashes = arrays.map { _ in SHA256() }
        var counts = arrays.map { _ in 0 }
        // Every part has a range of the keys of one array; those that are small are read together.
        let ranges = sizes.enumerated().flatMap { array, size in
            size.ranges(ofBytes: memory).map { (array: array, range: $0) }
        }
        var next = 0
        while next < ranges.count {
            var (last, sum) = (next, ranges[next].range.bytes)
            while last + 1 < ranges.count, sum + ranges[last + 1].range.bytes <= memory {
                last += 1
                sum += ranges[last].range.bytes
            }
            let taken = ranges[next...last]
            var lines = taken.map { _ in [(key: ByteName, line: String)]() }
            try forEachLine(of: file, arrays, store, stop) { array, key, line in
                let name = ByteName(key)
                guard let index = taken.firstIndex(where: { $0.array == array && $0.range.contains(name) }) else {
                    return
                }
                lines[index - next].append((name, line ?? ""))
            }
            for (offset, part) in taken.enumerated() {
                var previous: (key: ByteName, line: String)?
                for line in lines[offset].sorted(by: { $0 < $1 }) {
                    // A volume may have an array twice: as a class, and as what another one is made from.
                    if let previous, previous == line { continue }
                    if previous?.key != line.key { counts[part.array] += 1 }
                    hashes[part.array].update(data: Data("\(line.key)\t\(line.line)\n".utf8))
                    previous = line
                }
            }
            next = last + 1
        }
        return arrays.indices.map { index in
            SourceDigest(
                array: arrays[index], objects: counts[index],
                sha256: isKnown[index] ? hashes[index].finalize().hexadecimal : nil)
        }
    }

    /// Calls `body` with each object that the store holds, and what tells its version; nil where that is not known.
    private static func forEachLine(
        of file: VersionFile, _ arrays: [String], _ store: StoreURL, _ stop: StopSignal,
        _ body: (_ array: Int, _ key: String, _ line: String?) -> Void
    ) throws {
        var position = file.first
        let folders = arrays.map { $0 + "/" }
        // Those of a volume come array by array.
        var latest = 0
        while let part = try file.part(at: position) {
            try stop.check()
            for version in part.versions {
                guard let mark = version.mark else { continue }
                if folders.indices.contains(latest), !version.key.hasBytePrefix(folders[latest]) {
                    latest = folders.firstIndex { version.key.hasBytePrefix($0) } ?? folders.count
                } else if latest == folders.count {
                    latest = folders.firstIndex { version.key.hasBytePrefix($0) } ?? folders.count
                }
                guard latest < folders.count else { continue }
                body(latest, version.key, identifies(mark, of: store) ? mark.etag : version.content?.text)
            }
            position = part.next
        }
    }
}

/// Divides keys that come in any order into ranges of about equal size, by a sample of them.
private struct SortedRanges {
    private static let mostSamples = 4096

    public struct Range {
        /// nil is from the beginning.
        let lower: ByteName?
        /// Not in the range; nil is to the end.
        let upper: ByteName?
        /// About how many bytes the lines in it have.
        public let bytes: Int

        public func contains(_ key: ByteName) -> Bool {
            lower.map { $0 <= key } ?? true && upper.map { key < $0 } ?? true
        }
    }

    private var samples: [ByteName] = []
    private var stride = 1
    private var count = 0
    private var bytes = 0

    public mutating func note(_ key: String, bytes size: Int) {
        bytes += size
        if count % stride == 0 {
            samples.append(ByteName(key))
            if samples.count == Self.mostSamples {
                samples = samples.indices.filter { $0 % 2 == 0 }.map { samples[$0] }
                stride *= 2
            }
        }
        count += 1
    }

    /// Ranges of about half of `most`, for a sample may be wrong.
    func ranges(ofBytes most: Int) -> [Range] {
        guard count > 0 else { return [] }
        let parts = bytes <= most ? 1 : min(samples.count, bytes / max(1, most / 2) + 1)
        let sorted = samples.sorted()
        let borders = (1..<max(1, parts)).map { sorted[$0 * sorted.count / parts] }
        return (0..<parts).map { part in
            Range(
                lower: part == 0 ? nil : borders[part - 1], upper: part == parts - 1 ? nil : borders[part],
                bytes: bytes / parts)
        }
    }
}
