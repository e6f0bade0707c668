internal import Arrays
internal import Elements
public import Geometry
public import JSONText
public import Ledger
public import Stores
internal import Volumes

/// A dataset's plan as it is kept in `state/plans/<dataset>.plan`: the dataset's own part, an index of the items, then an item's plan a line.
///
/// Where the crops lie stands behind the items; only the summaries decode it.
///
/// Whoever schedules or counts reads only the head and the index; whoever works on an item reads that item's line. The first line says how
/// long the head and the index are, and has the CRC-32 of each; plans of earlier versions have none. The index has a digest of each item's
/// line: damage is told from a plan that was made anew.
public struct PlanFile: Sendable {
    private static let magic = "cristae plan 2"
    private static let preambleBytes = 64

    private struct Header: Codable {
        public var source: String
        public var fingerprint: Fingerprint
        /// The process that made it.
        public var owner: String
        public var plan: DatasetPlan
        /// nil in plans of earlier versions.
        public var places: Section?
    }

    /// A part of the file behind the index.
    private struct Section: Codable {
        /// From the end of the index on.
        public var offset: Int
        public var length: Int
        /// Its CRC-32.
        public var sum: String
    }

    /// Everything but the items.
    public let plan: DatasetPlan
    /// The store's URL: plans of another store are none of this job's.
    public let source: String
    public let fingerprint: Fingerprint
    public let owner: String
    public var items: [ItemEntry]
    /// The text of the index.
    public let index: [UInt8]
    /// Where the ground-truth crops lie, as text; nil in plans of earlier versions.
    public let placesText: [UInt8]?

    public static func path(of dataset: String) -> String { "plans/\(dataset).plan" }

    // MARK: Writing

    /// The text of a plan.
    public static func encode(_ plan: DatasetPlan, fingerprint: Fingerprint, owner: String, store: StoreURL) throws
        -> [UInt8]
    {
        var head = plan
        head.items = []
        head.places = nil
        var index: [UInt8] = []
        var lines: [UInt8] = []
        for item in plan.items {
            let line = try JSONFile.encode(item)
            var (chunks, bytes) = (0, 0)
            for array in try item.arrays.map({ try PlannedArray($0, store: store) }) {
                chunks = chunks.addingReportingOverflow(array.chunkCount).partialValue
                let (product, overflows) = array.chunkCount.multipliedReportingOverflow(
                    by: array.chunkByteCount)
                bytes = overflows ? .max : (bytes.addingReportingOverflow(product).overflow ? .max : bytes + product)
            }
            let columns = [
                item.name,
                digest(of: line).description,
                "\(chunks)", "\(bytes)", "\(lines.count)", "\(line.count)",
                ItemEntry.alignment(ofGroup: item.group),
                summary(of: item, chunks: chunks, bytes: bytes).canonicalText,
            ]
            guard (item.name + item.group).utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                throw LedgerError(.unsafePath, path: item.group, "the item's name has control characters")
            }
            index += Array(columns.joined(separator: "\t").utf8) + [UInt8(ascii: "\n")]
            lines += line + [UInt8(ascii: "\n")]
        }
        let places = try JSONFile.encode(plan.places ?? [])
        let section = Section(offset: lines.count, length: places.count, sum: LineChecksum.digits(of: places))
        let header = try JSONFile.encode(
            Header(
                source: store.description, fingerprint: fingerprint, owner: owner, plan: head, places: section))
        let sums = "\(LineChecksum.digits(of: header)) \(LineChecksum.digits(of: index))"
        var preamble = Array("\(magic) \(header.count) \(index.count) \(sums)".utf8)
        preamble += [UInt8](repeating: UInt8(ascii: " "), count: preambleBytes - 1 - preamble.count)
        return preamble + [UInt8(ascii: "\n")] + header + index + lines + places
    }

    private static func summary(of item: ItemPlan, chunks: Int, bytes: Int) -> JSONValue {
        [
            "item": .string(item.name), "dataset": .string(item.dataset), "chunks": .integer(chunks),
            "decoded_bytes": .integer(bytes), "raw": .string("\(item.raw.key) \(item.raw.written)"),
            "labels": .array(item.labels.map { .string("\($0.name)/\($0.level)") }),
            "levels_matched": .bool(item.isMatched),
        ]
    }

    // MARK: Reading

    /// Reads the head and the index of a dataset's plan; nil where there is none, or it is damaged: it is made anew then. Blocks.
    public init?(of dataset: String, in state: ConfinedFolder) throws(LedgerError) {
        guard let file = try PublishedBytes(opening: Self.path(of: dataset), in: state),
            let preamble = try Preamble(file)
        else { return nil }
        let text = try file.read(count: preamble.headerBytes + preamble.indexBytes, at: Self.preambleBytes)
        let index = Array(text.dropFirst(preamble.headerBytes))
        guard let header = preamble.header(text), header.plan.dataset == dataset, preamble.fits(index: index),
            let items = Self.items(in: index, dataset: dataset, linesAt: preamble.end, fileBytes: try file.size())
        else { return nil }
        if let section = header.places {
            let rest = try file.size() - preamble.end
            guard section.offset >= 0, section.length >= 0, section.offset <= rest,
                section.length <= rest - section.offset
            else { return nil }
            let text = try file.read(count: section.length, at: preamble.end + section.offset)
            guard LineChecksum.digits(of: text) == section.sum else { return nil }
            placesText = text
        } else {
            placesText = nil
        }
        plan = header.plan
        source = header.source
        fingerprint = header.fingerprint
        owner = header.owner
        self.items = items
        self.index = index
    }

    /// Where the ground-truth crops of the dataset lie, those that are left out too.
    public func places() throws(JSONError) -> [CropPlace] {
        try placesText.map { text throws(JSONError) in try JSONFile.decode([CropPlace].self, from: text) } ?? []
    }

    /// The plans of all datasets seen in a store, without their items, in the order of their names. Blocks.
    public static func heads(in state: ConfinedFolder, source: StoreURL) throws(LedgerError) -> [DatasetPlan] {
        var plans: [DatasetPlan] = []
        for name in try state.list("plans") where name.hasByteSuffix(".plan") {
            guard let file = try PublishedBytes(opening: "plans/\(name)", in: state),
                let preamble = try Preamble(file),
                let header = preamble.header(try file.read(count: preamble.headerBytes, at: preambleBytes)),
                header.source == source.description
            else { continue }
            plans.append(header.plan)
        }
        return plans.sorted { ByteName($0.dataset) < ByteName($1.dataset) }
    }

    /// The stores that the plans were made from, the one with most plans first. Blocks.
    public static func sources(in state: ConfinedFolder) throws(LedgerError) -> [String] {
        var counts: [String: Int] = [:]
        for name in try state.list("plans") where name.hasByteSuffix(".plan") {
            guard let file = try PublishedBytes(opening: "plans/\(name)", in: state),
                let preamble = try Preamble(file),
                let header = preamble.header(try file.read(count: preamble.headerBytes, at: preambleBytes))
            else { continue }
            counts[header.source, default: 0] += 1
        }
        return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
    }

    /// The first line: bytes of the head and of the index, and their checksums.
    private struct Preamble {
        public let headerBytes: Int
        let indexBytes: Int
        /// nil in a plan of an earlier version.
        public let sums: (header: String, index: String)?

        /// Where the items' lines begin.
        public var end: Int { preambleBytes + headerBytes + indexBytes }

        init?(_ file: PublishedBytes) throws(LedgerError) {
            let text = String(decoding: try file.read(count: preambleBytes, at: 0), as: UTF8.self)
            let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
            guard text.hasPrefix(magic + " "), words.count == 5 || words.count == 7, let header = Int(words[3]),
                let index = Int(words[4]), (0..<1 << 30).contains(header), (0..<1 << 32).contains(index)
            else { return nil }
            (headerBytes, indexBytes) = (header, index)
            sums = words.count == 7 ? (words[5], words[6]) : nil
        }

        /// The header at the beginning of `text`; nil where it is not what was written.
        public func header(_ text: [UInt8]) -> Header? {
            let bytes = Array(text.prefix(headerBytes))
            guard bytes.count == headerBytes, sums.map({ $0.header == LineChecksum.digits(of: bytes) }) ?? true else {
                return nil
            }
            return try? JSONFile.decode(Header.self, from: bytes)
        }

        func fits(index: [UInt8]) -> Bool {
            index.count == indexBytes && sums.map { $0.index == LineChecksum.digits(of: index) } ?? true
        }
    }

    /// The entries of an index; nil where a line is not what it should be.
    private static func items(
        in index: [UInt8], dataset: String, linesAt start: Int, fileBytes: Int
    ) -> [ItemEntry]? {
        var items: [ItemEntry] = []
        var columns: [Range<Int>] = []
        var from = 0
        for (position, byte) in index.enumerated() {
            guard byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\n") else { continue }
            columns.append(from..<position)
            from = position + 1
            guard byte == UInt8(ascii: "\n") else { continue }
            guard columns.count == 8, let chunks = number(index[columns[2]]), let bytes = number(index[columns[3]]),
                let offset = number(index[columns[4]]), let length = number(index[columns[5]]),
                let digest = PlanDigest(hexadecimal: index[columns[1]]),
                // All of them lie behind the index, and inside the file.
                offset <= fileBytes - start, length <= fileBytes - start - offset
            else { return nil }
            items.append(
                ItemEntry(
                    name: String(decoding: index[columns[0]], as: UTF8.self), dataset: dataset,
                    alignment: String(decoding: index[columns[6]], as: UTF8.self),
                    digest: digest, chunks: chunks, bytes: bytes,
                    offset: start + offset, length: length, summary: columns[7]))
            columns.removeAll(keepingCapacity: true)
        }
        return columns.isEmpty && from == index.count ? items : nil
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard !digits.isEmpty, digits.count < 20 else { return nil }
        var value = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            let (product, overflows) = value.multipliedReportingOverflow(by: 10)
            let (sum, carries) = product.addingReportingOverflow(Int(digit - 0x30))
            guard !overflows, !carries else { return nil }
            value = sum
        }
        return value
    }

    /// Whether the file of a dataset's plan has just these bytes. Blocks.
    public static func isKept(_ text: [UInt8], of dataset: String, in state: ConfinedFolder) throws(LedgerError) -> Bool
    {
        guard try state.fileSize(path(of: dataset)) == text.count else { return false }
        return try state.read(path(of: dataset)) == text
    }

    /// The plan of one item, under the name that it has in the job. Blocks.
    ///
    /// Another task may have made the dataset's plan anew since its index was read: the item lies elsewhere then.
    ///
    /// - Throws: ``PlanChange`` where the plan is another one; ``PlanDamage`` where it is not what was written.
    public static func item(_ entry: ItemEntry, in state: ConfinedFolder) throws -> ItemPlan {
        let path = path(of: entry.dataset)
        var place = entry
        // Whatever is replaced again and again between two reads is damaged, too.
        for _ in 0..<5 {
            guard let file = try PublishedBytes(opening: path, in: state) else {
                throw PlanChange(item: entry.name, path: "\(state.path)/\(path)")
            }
            let line = try file.read(count: place.length, at: place.offset)
            if digest(of: line) == entry.digest {
                var plan = try JSONFile.decode(ItemPlan.self, from: line)
                plan.name = entry.name
                return plan
            }
            guard let kept = try PlanFile(of: entry.dataset, in: state) else { break }
            guard let found = kept.items.first(where: { $0.digest == entry.digest }) else {
                throw PlanChange(item: entry.name, path: "\(state.path)/\(path)")
            }
            place = found
        }
        throw PlanDamage(item: entry.name, path: "\(state.path)/\(path)")
    }

    /// Removes a dataset's plan where it is not what was written, so that it is made anew. Blocks.
    public static func removeDamaged(_ dataset: String, in state: ConfinedFolder) throws(LedgerError) {
        let path = path(of: dataset)
        guard let file = try PublishedBytes(opening: path, in: state) else { return }
        if let plan = try PlanFile(of: dataset, in: state) {
            var isWhole = true
            for item in plan.items where isWhole {
                isWhole = digest(of: try file.read(count: item.length, at: item.offset)) == item.digest
            }
            if isWhole { return }
        }
        try state.remove(path)
    }

    private static func digest(of line: [UInt8]) -> PlanDigest {
        let text = Fingerprint(of: .string(String(decoding: line, as: UTF8.self))).description
        guard let digest = PlanDigest(hexadecimal: text.utf8.prefix(16)) else {
            preconditionFailure("a fingerprint is hexadecimal")
        }
        return digest
    }
}

/// The plan of a dataset is not what was written.
public struct PlanDamage: Error, CustomStringConvertible {
    public let item: String
    public let path: String

    public var description: String { "\(path) is damaged, seen at \(item): it is made anew" }
}

/// A dataset was planned anew after its items had been looked up.
public struct PlanChange: Error, CustomStringConvertible {
    public let item: String
    public let path: String

    public var description: String { "\(path): the plan of \(item) has changed meanwhile" }
}
