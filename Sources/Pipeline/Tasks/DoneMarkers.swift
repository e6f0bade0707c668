internal import Geometry
internal import Glibc
internal import JSONText
internal import Ledger
internal import Stores
internal import Synchronization

/// Marks of items that were found complete: an empty file `done/<settings>/<mark>` each, whose name says all that has to hold for
/// the item to be still complete. One listing tells of a hundred thousand items what reading their records would tell.
///
/// A mark saves time and proves nothing by itself: it counts only while the item's plan is the same, its records have not been
/// touched since, and its outputs have their sizes. Without one, the records are read.
final class DoneMarkers: Sendable {
    /// What a mark's name says.
    struct Mark: Sendable, Hashable {
        let item: String
        /// The plan, as ``ItemEntry/digest``.
        let digest: String
        /// Time of the last change of the item's folder of records, in nanoseconds by the clock of the file system.
        let recordsChanged: Int
        /// Bytes of the file in `hdf5` and of the one in `crops`.
        let sizes: [Int]

        var name: String { "\(item)~\(digest)~\(recordsChanged)~\(sizes.map(String.init).joined(separator: "."))" }

        init(item: String, digest: String, recordsChanged: Int, sizes: [Int]) {
            self.item = item
            self.digest = digest
            self.recordsChanged = recordsChanged
            self.sizes = sizes
        }

        /// nil for a name that is none of a mark.
        init?(name: String) {
            let parts = name.utf8.split(separator: UInt8(ascii: "~"), omittingEmptySubsequences: false)
            guard parts.count >= 4, let changed = Int(Substring(parts[parts.count - 2])) else { return nil }
            let sizes = parts[parts.count - 1].split(separator: UInt8(ascii: ".")).compactMap { Int(Substring($0)) }
            guard sizes.count == 2 else { return nil }
            let tail = parts.suffix(3).reduce(3) { $0 + $1.count }
            item = String(decoding: name.utf8.dropLast(tail), as: UTF8.self)
            digest = String(Substring(parts[parts.count - 3]))
            recordsChanged = changed
            self.sizes = sizes
        }
    }

    /// Folders that are kept open, once they are there.
    private struct Open: Sendable {
        var records: ConfinedFolder?
        var marks: ConfinedFolder?
    }

    private let state: ConfinedFolder
    private let output: ConfinedFolder
    private let open = Mutex(Open())
    /// `done/<settings>`: marks of other settings lie elsewhere.
    let folder: String

    init(_ context: JobContext) {
        state = context.state
        output = context.output
        let manifest = context.manifest
        let settings = Fingerprint(of: [
            "versions": [
                .integer(Download.version), .integer(Convert.version), .integer(Stat.version), .integer(Resize.version),
            ],
            "source": .string(context.store.url.description),
            "compression": .string(manifest.convert.compression.rawValue),
            "target": .array(manifest.targetNm.array.map { .number($0) }),
            "raw": .string(manifest.resize.raw.rawValue), "labels": .string(manifest.resize.labels.rawValue),
            "grid": .string(manifest.resize.grid.rawValue), "tolerance": .number(manifest.tolerance),
            "max_upsampling": .number(manifest.resize.maxUpsampling),
        ])
        folder = "done/\(settings.description.prefix(16))"
    }

    /// All marks of these settings, by item. Blocks.
    func all() throws(LedgerError) -> [String: Mark] {
        var marks: [String: Mark] = [:]
        for name in try state.list(folder, isSorted: false) {
            if let mark = Mark(name: name) { marks[mark.item] = mark }
        }
        return marks
    }

    /// Those of `entries` that are still complete, by their marks. Blocks.
    func standing(_ entries: [ItemEntry], _ marks: [String: Mark]) throws(LedgerError) -> Set<String> {
        guard !marks.isEmpty, let records = try state.folder("records"), let native = try output.folder("hdf5"),
            let resized = try output.folder("crops")
        else { return [] }
        var standing: Set<String> = []
        for entry in entries {
            guard let mark = marks[entry.name], mark.digest == entry.digest,
                try records.changed(entry.name) == mark.recordsChanged,
                try native.fileSize("\(entry.name).h5") == mark.sizes[0],
                try resized.fileSize("\(entry.name).h5") == mark.sizes[1]
            else { continue }
            standing.insert(entry.name)
        }
        return standing
    }

    /// Marks an item whose stages are all done. `old` is its earlier mark, which goes. Blocks.
    func mark(_ entry: ItemEntry, native: Int, resized: Int, insteadOf old: Mark?) throws(LedgerError) {
        guard let records = try opened(\.records, "records"), let changed = try records.changed(entry.name) else {
            return
        }
        let mark = Mark(
            item: entry.name, digest: entry.digest, recordsChanged: changed, sizes: [native, resized])
        guard mark.name.utf8.count <= 255, mark != old else { return }
        if let old { try state.remove("\(folder)/\(old.name)") }
        if let marks = try opened(\.marks, folder) {
            try marks.touch(mark.name)
        } else {
            try state.touch("\(folder)/\(mark.name)")
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

    /// Removes a mark. Blocks.
    func remove(_ mark: Mark) throws(LedgerError) { try state.remove("\(folder)/\(mark.name)") }

    /// Removes the marks of other settings: what they say of the outputs has been overtaken. Blocks.
    func removeOthers() throws(LedgerError) {
        for name in try state.list("done") where "done/\(name)" != folder { try state.removeTree("done/\(name)") }
    }
}
