internal import Geometry
internal import Glibc
internal import JSONText
public import Ledger
internal import Manifest
public import Planning
internal import Stores
internal import Synchronization

/// Marks of items that were found complete: an empty file `done/<settings>/<marker>` each, whose name says all that has to hold for
/// the item to be still complete. One listing tells of a hundred thousand items what reading their records would tell.
///
/// A marker saves time and proves nothing by itself: it counts only while the item's plan is the same, its records have not been
/// touched since, and its outputs have their sizes. Without one, the records are read.
public final class CompletionMarkers: Sendable {
    /// What a marker's name says.
    public struct Marker: Sendable, Hashable {
        public let item: String
        public let digest: PlanDigest
        /// Time of the last change of the item's folder of records, in nanoseconds by the clock of the file system.
        let recordsChanged: Int
        /// Bytes of the file in `hdf5`; nil where it was let go of. In the name that is 0, which no file has.
        public let nativeBytes: Int?
        /// Bytes of the file in `crops`.
        let resizedBytes: Int

        public var name: String { "\(item)~\(digest)~\(recordsChanged)~\(nativeBytes ?? 0).\(resizedBytes)" }

        init(item: String, digest: PlanDigest, recordsChanged: Int, nativeBytes: Int?, resizedBytes: Int) {
            self.item = item
            self.digest = digest
            self.recordsChanged = recordsChanged
            (self.nativeBytes, self.resizedBytes) = (nativeBytes, resizedBytes)
        }

        /// nil for a name that is none of a marker. Items may have any name, so it is read from its end.
        init?(name: Span<UInt8>) {
            var end = name.count
            guard let resized = Self.number(name, &end), Self.take(".", name, &end),
                let native = Self.number(name, &end), Self.take("~", name, &end),
                let changed = Self.number(name, &end), Self.take("~", name, &end), end >= 16
            else { return nil }
            let digits = name.extracting((end - 16)..<end)
            end -= 16
            guard let digest = digits.withUnsafeBufferPointer({ PlanDigest(hexadecimal: $0) }),
                Self.take("~", name, &end)
            else { return nil }
            item = name.extracting(0..<end).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
            self.digest = digest
            recordsChanged = changed
            (nativeBytes, resizedBytes) = (native == 0 ? nil : native, resized)
        }

        private static func take(_ character: Unicode.Scalar, _ name: Span<UInt8>, _ end: inout Int) -> Bool {
            guard end > 0, name[end - 1] == UInt8(ascii: character) else { return false }
            end -= 1
            return true
        }

        /// The decimal number that ends at `end`, which moves before it; nil where there is none that fits.
        private static func number(_ name: Span<UInt8>, _ end: inout Int) -> Int? {
            var (value, factor, digits) = (0, 1, 0)
            while end > 0, case let digit = name[end - 1], (0x30...0x39).contains(digit) {
                guard digits < 19,
                    case let (part, overflows) = factor.multipliedReportingOverflow(by: Int(digit - 0x30)),
                    !overflows, case let (sum, carries) = value.addingReportingOverflow(part), !carries
                else { return nil }
                (value, factor, digits) = (sum, factor &* 10, digits + 1)
                end -= 1
            }
            return digits > 0 ? value : nil
        }
    }

    /// Folders that are kept open, once they are there.
    private struct Open: Sendable {
        public var records: ConfinedFolder?
        public var markers: ConfinedFolder?
    }

    private let keepsNative: Bool
    private let state: ConfinedFolder
    private let output: ConfinedFolder
    private let open = Mutex(Open())
    /// `done/<settings>`: markers of other settings lie elsewhere.
    public let folder: String

    public init(_ context: JobContext) {
        keepsNative = context.manifest.convert.keepNative
        state = context.state
        output = context.output
        // Some rules are part of an item's fingerprint only where they apply. Marks from before there were any say nothing of them.
        let settings = Fingerprint(of: ["rules": 2, "settings": StageSettings.all(StageSettings.ofItems(context))])
        folder = "done/\(settings.description.prefix(16))"
    }

    /// All markers of these settings, by item. Blocks.
    public func all() throws(LedgerError) -> [String: Marker] {
        var markers: [String: Marker] = [:]
        try state.forEachName(in: folder) { name in
            if let marker = Marker(name: name) { markers[marker.item] = marker }
        }
        return markers
    }

    /// Those of `entries` that are still complete, by their markers. Blocks.
    public func standing(_ entries: [ItemEntry], _ markers: [String: Marker]) throws(LedgerError) -> Set<String> {
        guard !markers.isEmpty, let records = try state.folder("records"), let resized = try output.folder("crops")
        else { return [] }
        let native = try output.folder("hdf5")
        var standing: Set<String> = []
        for entry in entries {
            guard let marker = markers[entry.name], marker.digest == entry.digest,
                try records.changed(entry.name) == marker.recordsChanged,
                try matches(native, entry, marker),
                try resized.fileSize("\(entry.name).h5") == marker.resizedBytes
            else { continue }
            standing.insert(entry.name)
        }
        return standing
    }

    /// Whether the native file of an item is there, or is not, as its marker says and as the manifest wants it.
    private func matches(_ native: ConfinedFolder?, _ entry: ItemEntry, _ marker: Marker) throws(LedgerError) -> Bool {
        // Kept again, or not: nothing is made for it.
        if keepsNative, marker.nativeBytes == nil { return true }
        guard keepsNative || marker.nativeBytes == nil else { return false }
        return try native?.fileSize("\(entry.name).h5") == marker.nativeBytes
    }

    /// Marks an item whose stages are all done. `old` is its earlier marker, which goes. Blocks.
    public func mark(_ entry: ItemEntry, native: Int?, resized: Int, insteadOf old: Marker?) throws(LedgerError) {
        guard let records = try opened(\.records, "records"), let changed = try records.changed(entry.name) else {
            return
        }
        let marker = Marker(
            item: entry.name, digest: entry.digest, recordsChanged: changed, nativeBytes: native,
            resizedBytes: resized)
        guard marker.name.utf8.count <= 255, marker != old else { return }
        if let old { try state.remove("\(folder)/\(old.name)") }
        if let markers = try opened(\.markers, folder) {
            try markers.touch(marker.name)
        } else {
            try state.touch("\(folder)/\(marker.name)")
        }
    }

    private func opened(
        _ which: any WritableKeyPath<Open, ConfinedFolder?> & Sendable, _ path: String
    ) throws(LedgerError) -> ConfinedFolder? {
        if let known = open.withLock({ $0[keyPath: which] }) { return known }
        guard let found = try state.folder(path) else { return nil }
        open.withLock { $0[keyPath: which] = found }
        return found
    }

    /// Removes a marker. Blocks.
    public func remove(_ marker: Marker) throws(LedgerError) { try state.remove("\(folder)/\(marker.name)") }

    /// Removes all markers of some items, of whatever settings. Blocks.
    public static func remove(_ items: Set<String>, in state: ConfinedFolder) throws(LedgerError) {
        guard !items.isEmpty else { return }
        for folder in try state.list("done") {
            var names: [String] = []
            try state.forEachName(in: "done/\(folder)") { name in
                if let marker = Marker(name: name), items.contains(marker.item) { names.append(marker.name) }
            }
            for name in names { try state.remove("done/\(folder)/\(name)") }
        }
    }

    /// Removes the markers of other settings: what they say of the outputs has been overtaken. Blocks.
    public func removeOthers() throws(LedgerError) {
        for name in try state.list("done") where "done/\(name)" != folder { try state.removeTree("done/\(name)") }
    }
}
