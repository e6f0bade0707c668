internal import Arrays
internal import CropFiles
internal import Geometry
internal import JSONText
public import Job
public import Ledger
internal import Manifest
internal import Planning
internal import Stores
internal import Threads

/// The text outputs of a job. They are made from what lies in the state directory: of the items that the job has now,
/// those whose records are today's. So a run of a few items leaves those of the others in, and what an earlier manifest has made is not
/// told of any more.
public struct Summaries: Sendable {
    public let context: JobContext

    public init(context: JobContext) {
        self.context = context
    }

    /// Where the stamp of the last summaries is kept.
    private static let stampPath = "summaries.json"
    /// Those that are there only with some manifests.
    private static let optionalPaths = [SplitTable.path]

    /// What the summaries were made from, and what was written.
    private struct Stamp: Codable {
        public let fingerprint: Fingerprint
        /// By path; nil in stamps of earlier versions, which knew three summaries.
        public var files: [String: FileDigest]?
        /// Of earlier versions, in the order of ``earlierPaths``.
        var digests: [FileDigest]?
        /// What is on each side, where there is a split.
        public var split: SplitCount?

        private static let earlierPaths = ["txt/attributes.json", "txt/crops.json", "txt/data.json"]

        /// What is known of what was written.
        public var written: [String: FileDigest] {
            files ?? Dictionary(zip(Self.earlierPaths, digests ?? [])) { first, _ in first }
        }

        /// Whether a summary was ever written.
        public func has(_ path: String) -> Bool { files.map { $0[path] != nil } ?? Self.earlierPaths.contains(path) }
    }

    /// What came of an attempt to write the summaries.
    public struct Outcome: Sendable {
        /// Items that are marked as complete, but whose records cannot be read; where there are any, nothing is written.
        public var damaged: [String] = []
        /// What is on each side, where there is a split.
        public var split: SplitCount?
    }

    /// `attributes.json`, `crops.json` and the other texts of the job, unless they are already what these marks give.
    ///
    /// - Parameters:
    ///   - trustsMarks: whether the outputs of marked items have just been looked at.
    ///   - readsAgain: whether the files are compared byte by byte with what the state gives, the lists of the datasets, too.
    public func write(
        _ present: PresentJob, marks: [String: CompletionMarkers.Marker], trustsMarks: Bool, readsAgain: Bool
    ) async throws -> Outcome {
        let this = self
        return try await context.state.run {
            let marks = try this.standing(present, marks, trustsMarks: trustsMarks)
            let fingerprint = try this.fingerprint(present, marks)
            if !readsAgain, let kept = try this.stamp(), kept.fingerprint == fingerprint, let files = kept.files,
                try files.allSatisfy({ try this.context.state.output.fileSize($0.key) == $0.value.size })
            {
                return Outcome(split: kept.split)
            }
            let (texts, outcome) = try this.texts(present, marks, isThere: true)
            guard outcome.damaged.isEmpty else { return outcome }
            for (path, text) in texts { try this.context.state.output.update(text, to: path) }
            for path in Self.optionalPaths where !texts.contains(where: { $0.path == path }) {
                try this.context.state.output.remove(path)
            }
            if readsAgain {
                for plan in present.plans {
                    for (path, text) in try DatasetLists(this.context).texts(plan) {
                        try this.context.state.output.update(text, to: path)
                    }
                }
            }
            let files = Dictionary(texts.map { ($0.path, FileDigest(of: $0.text)) }) { first, _ in first }
            let stamp = Stamp(fingerprint: fingerprint, files: files, split: outcome.split)
            try this.context.state.folder.update(try JSONFile.encode(stamp, pretty: true), to: Self.stampPath)
            return outcome
        }
    }

    private func stamp() throws -> Stamp? {
        try context.state.folder.read(Self.stampPath).flatMap { try? JSONFile.decode(Stamp.self, from: $0) }
    }

    /// What a summary may hold, by the state directory.
    public struct Expected: Sendable {
        public let path: String
        /// What a run would write now; and what it has written while the outputs were there that are missing now.
        public let texts: [[UInt8]]
        /// What was written last; nil where that is not known.
        public let written: FileDigest?
        /// Whether it was ever written.
        public let isWritten: Bool
    }

    /// What the summaries should be. Blocks.
    public func expected(_ present: PresentJob) throws -> [Expected] {
        let stamp = try stamp()
        let now = try texts(present, [:], isThere: true).texts
        let before = try texts(present, [:], isThere: false).texts
        return now.indices.map { number in
            Expected(
                path: now[number].path, texts: [now[number].text, before[number].text],
                written: stamp?.written[now[number].path], isWritten: stamp?.has(now[number].path) ?? false)
        }
    }

    /// Marks by which items are known to be complete.
    private func standing(
        _ present: PresentJob, _ marks: [String: CompletionMarkers.Marker], trustsMarks: Bool
    ) throws -> [String: CompletionMarkers.Marker] {
        let items = present.items
        let standing =
            trustsMarks
            ? Set(items.filter { marks[$0.name]?.digest == $0.digest }.map(\.name))
            : try CompletionMarkers(context).standing(items, marks)
        return marks.filter { standing.contains($0.key) }
    }

    /// Of everything that the summaries are made from.
    private func fingerprint(_ present: PresentJob, _ marks: [String: CompletionMarkers.Marker]) throws -> Fingerprint {
        let records = try context.state.folder.folder("records")
        var names: [String] = []
        for item in present.items {
            if let mark = marks[item.name] {
                names.append(mark.name)
            } else if let changed = try records?.changed(item.name) {
                names.append("\(item.name)~\(item.digest)~\(changed)")
            }
        }
        return Fingerprint(of: [
            "version": 4, "items": .array(names.sorted().map { .string($0) }), "data": .string(try data()),
            "settings": .string(CompletionMarkers(context).folder),
            "left_out": .string(try leftOutText(present)),
            "manifest": Provenance.manifest(context.manifest), "program": .object(Provenance.program),
            "places": .array(present.plans.map { .string($0.placesText.map { LineChecksum.digits(of: $0) } ?? "") }),
        ])
    }

    /// - Parameter isThere: whether entries are left out whose files are not there.
    private func texts(
        _ present: PresentJob, _ marks: [String: CompletionMarkers.Marker], isThere: Bool
    ) throws -> (texts: [(path: String, text: [UInt8])], outcome: Outcome) {
        var native: [JSONValue] = []
        var resized: [JSONValue] = []
        var outcome = Outcome()
        var provenance = Provenance(context)
        let relations = try CropRelations(present.plans, context.manifest)
        for item in present.items {
            let isComplete = marks[item.name] != nil
            guard let (plan, done) = try known(of: item, isComplete: isComplete, isThere: isThere) else {
                if isComplete { outcome.damaged.append(item.name) }
                continue
            }
            let coverage = RawCoverage(done.download)
            func entry(_ record: Record?) -> JSONValue? {
                record.map { coverage?.added(to: $0.result) ?? $0.result }
            }
            if var stat = entry(done.stat)?.object {
                if done.isWithoutNative { stat["file"] = .null }
                native.append(.object(stat))
            }
            if let resize = entry(done.resize) {
                resized.append(relations.added(to: resize, of: item, convert: done.convert))
            }
            try provenance.add(plan, done)
        }
        resized.sort { Self.order($0) < Self.order($1) }
        var texts = [
            ("txt/attributes.json", Self.text(of: native.map(FileStatistics.published))),
            ("txt/crops.json", Self.text(of: resized.map(FileStatistics.published))),
            ("txt/data.json", Array(try data().utf8)),
            ("txt/left_out.json", Array(try leftOutText(present).utf8)),
            (
                "txt/datasets.json",
                Array((JSONValue.array(DatasetSummary.all(resized).map(\.json)).prettyText + "\n").utf8)
            ),
            (Provenance.path, provenance.text),
        ]
        if context.manifest.split != nil {
            texts.append((SplitTable.path, SplitTable.text(resized)))
            outcome.split = SplitCount(resized)
        }
        return (texts, outcome)
    }

    /// The plan of an item, and the stages of it that are done; nil where it is not begun, or is marked as complete and cannot be read.
    private func known(
        of item: ItemEntry, isComplete: Bool, isThere: Bool
    ) throws -> (plan: ItemPlan, done: DoneStages)? {
        let records = context.state.records
        guard try isComplete || context.state.folder.changed("records/\(item.name)") != nil,
            let plan = try? PlanFile.item(item, in: context.state.folder)
        else { return nil }
        guard !isComplete else {
            let done = DoneStages(
                download: try records.record(item: item.name, stage: .download),
                convert: try records.record(item: item.name, stage: .convert),
                stat: try records.record(item: item.name, stage: .stat),
                resize: try records.record(item: item.name, stage: .resize))
            return done.download != nil && done.isComplete ? (plan, done) : nil
        }
        let recorded = ItemRecords(plan, context)
        return (plan, try isThere ? recorded.done() : recorded.recorded())
    }

    /// The text of `data.json`: every dataset seen in this store.
    private func data() throws -> String {
        let data = try PlanFile.heads(in: context.state.folder, source: context.store.url).map(Self.entry)
        let counts: JSONValue = [
            "groundtruth": .integer(data.count { $0["has_groundtruth"] == true }),
            "inference": .integer(data.count { $0["has_inference"] == true }),
            "groundtruth_and_inference": .integer(
                data.count { $0["has_groundtruth"] == true && $0["has_inference"] == true }),
        ]
        return JSONValue.object(["datasets": .array(data), "counts": counts]).prettyText + "\n"
    }

    // MARK: Left out

    /// The text of `left_out.json`: the items of which nothing is made, by the plans and by the labels that have been fetched. Blocks.
    private func leftOutText(_ present: PresentJob) throws -> String {
        let items = try leftOut(present).sorted { $0.order < $1.order }
        return JSONValue.array(items.map(\.json)).prettyText + "\n"
    }

    private func leftOut(_ present: PresentJob) throws -> [LeftOut] {
        var found = present.plans.flatMap { $0.plan.leftOut ?? [] }
        for plan in present.plans {
            let undecided = Set(plan.plan.undecided ?? [])
            for entry in plan.items where undecided.contains(entry.ownName) {
                guard try context.state.folder.changed("records/\(entry.name)") != nil,
                    let item = try? PlanFile.item(entry, in: context.state.folder)
                else { continue }
                if let leftOut = try ItemRecords(item, context).recorded().leftOut { found.append(leftOut) }
            }
        }
        return found
    }

    private static func text(of entries: [JSONValue]) -> [UInt8] {
        Array((JSONValue.array(entries.sorted { order($0) < order($1) }).prettyText + "\n").utf8)
    }

    /// By crop number, then by name.
    private static func order(_ entry: JSONValue) -> (Int, String) {
        (entry["crop_id"]?.integer ?? .max, entry["name"]?.string ?? "")
    }

    private static func entry(_ plan: DatasetPlan) -> JSONValue {
        [
            "name": .string(plan.dataset),
            "voxel_size": plan.voxelSize.map { .array($0.array.map { .number($0) }) } ?? .null,
            "has_groundtruth": .bool(plan.hasGroundtruth), "has_inference": .bool(plan.hasInference),
        ]
    }
}
