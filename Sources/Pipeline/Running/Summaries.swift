internal import Geometry
internal import JSONText
internal import Ledger
internal import Stores
internal import Threads

/// The text outputs of a job (DESIGN, section 6). They are made from what lies in the state directory: of the items that the job has now,
/// those whose records are today's. So a run of a few items leaves those of the others in, and what an earlier manifest has made is not
/// told of any more.
struct Summaries: Sendable {
    let context: JobContext

    /// Where the stamp of the last summaries is kept.
    private static let stampPath = "summaries.json"
    /// Those that are there only with some manifests.
    private static let optionalPaths = [SplitTable.path]

    /// What the summaries were made from, and what was written.
    private struct Stamp: Codable {
        let fingerprint: Fingerprint
        /// By path; nil in stamps of earlier versions, which knew three summaries.
        var files: [String: FileDigest]?
        /// Of earlier versions, in the order of ``earlierPaths``.
        var digests: [FileDigest]?
        /// What is on each side, where there is a split.
        var split: SplitCount?

        private static let earlierPaths = ["txt/attributes.json", "txt/crops.json", "txt/data.json"]

        /// What is known of what was written.
        var written: [String: FileDigest] {
            files ?? Dictionary(zip(Self.earlierPaths, digests ?? [])) { first, _ in first }
        }

        /// Whether a summary was ever written.
        func has(_ path: String) -> Bool { files.map { $0[path] != nil } ?? Self.earlierPaths.contains(path) }
    }

    /// What came of an attempt to write the summaries.
    struct Outcome: Sendable {
        /// Items that are marked as complete, but whose records cannot be read; where there are any, nothing is written.
        var damaged: [String] = []
        /// What is on each side, where there is a split.
        var split: SplitCount?
    }

    static func listPath(_ dataset: String) -> String { "txt/\(dataset)_to_download" }
    static func metadataPath(_ dataset: String) -> String { "txt/zattrs/\(dataset).zattrs" }

    // MARK: Lists

    /// `txt/<dataset>_to_download` and `txt/zattrs/<dataset>.zattrs`. One that the plan does not give any more goes.
    func writeLists(_ plan: DatasetPlan) async throws {
        let (output, lists, dataset) = (context.output, lists(plan), plan.dataset)
        try await ThreadPool.files.run { () throws(LedgerError) in
            for (path, text) in lists { try output.update(text, to: path) }
            for path in [Self.metadataPath(dataset), Self.listPath(dataset)]
            where !lists.contains(where: { $0.path == path }) {
                try output.remove(path)
            }
        }
    }

    /// Whether the texts of a dataset are there. Blocks.
    static func hasLists(_ plan: DatasetPlan, in output: ConfinedFolder) throws(LedgerError) -> Bool {
        guard plan.isSelected else { return true }
        if plan.imageMetadata != nil, try output.fileSize(metadataPath(plan.dataset)) == nil { return false }
        return try output.fileSize(listPath(plan.dataset)) != nil
    }

    /// The texts of a dataset, by their paths, in the order in which they are written.
    private func lists(_ plan: DatasetPlan) -> [(path: String, text: [UInt8])] {
        guard plan.isSelected else { return [] }
        let list = (Self.listPath(plan.dataset), Array(DownloadList(plan: plan).text(store: context.store.url).utf8))
        return (plan.imageMetadata.map { [(Self.metadataPath(plan.dataset), Array($0.utf8))] } ?? []) + [list]
    }

    /// The same, of a kept plan. Blocks.
    ///
    /// - Throws: ``PlanChange`` where an item of it cannot be read.
    func lists(_ plan: PlanFile) throws -> [(path: String, text: [UInt8])] {
        var whole = plan.plan
        whole.items = try plan.items.map { try PlanFile.item($0, in: context.state) }
        return lists(whole)
    }

    // MARK: Summaries

    /// `attributes.json`, `crops.json` and the other texts of the job, unless they are already what these marks give.
    ///
    /// - Parameters:
    ///   - trustsMarks: whether the outputs of marked items have just been looked at.
    ///   - readsAgain: whether the files are compared byte by byte with what the state gives, the lists of the datasets, too.
    func write(
        _ present: PresentJob, marks: [String: DoneMarkers.Mark], trustsMarks: Bool, readsAgain: Bool
    ) async throws -> Outcome {
        let this = self
        return try await ThreadPool.files.run { () throws in
            let marks = try this.standing(present, marks, trustsMarks: trustsMarks)
            let fingerprint = try this.fingerprint(present, marks)
            if !readsAgain, let kept = try this.stamp(), kept.fingerprint == fingerprint, let files = kept.files,
                try files.allSatisfy({ try this.context.output.fileSize($0.key) == $0.value.size })
            {
                return Outcome(split: kept.split)
            }
            let (texts, outcome) = try this.texts(present, marks, isThere: true)
            guard outcome.damaged.isEmpty else { return outcome }
            for (path, text) in texts { try this.context.output.update(text, to: path) }
            for path in Self.optionalPaths where !texts.contains(where: { $0.path == path }) {
                try this.context.output.remove(path)
            }
            if readsAgain {
                for plan in present.plans {
                    for (path, text) in try this.lists(plan) { try this.context.output.update(text, to: path) }
                }
            }
            let files = Dictionary(texts.map { ($0.path, FileDigest(of: $0.text)) }) { first, _ in first }
            let stamp = Stamp(fingerprint: fingerprint, files: files, split: outcome.split)
            try this.context.state.update(try JSONFile.encode(stamp, pretty: true), to: Self.stampPath)
            return outcome
        }
    }

    private func stamp() throws -> Stamp? {
        try context.state.read(Self.stampPath).flatMap { try? JSONFile.decode(Stamp.self, from: $0) }
    }

    /// What a summary may hold, by the state directory.
    struct Expected: Sendable {
        let path: String
        /// What a run would write now; and what it has written while the outputs were there that are missing now.
        let texts: [[UInt8]]
        /// What was written last; nil where that is not known.
        let written: FileDigest?
        /// Whether it was ever written.
        let isWritten: Bool
    }

    /// What the summaries should be. Blocks.
    func expected(_ present: PresentJob) throws -> [Expected] {
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
        _ present: PresentJob, _ marks: [String: DoneMarkers.Mark], trustsMarks: Bool
    ) throws -> [String: DoneMarkers.Mark] {
        let items = present.items
        let standing =
            trustsMarks
            ? Set(items.filter { marks[$0.name]?.digest == $0.digest }.map(\.name))
            : try DoneMarkers(context).standing(items, marks)
        return marks.filter { standing.contains($0.key) }
    }

    /// Of everything that the summaries are made from.
    private func fingerprint(_ present: PresentJob, _ marks: [String: DoneMarkers.Mark]) throws -> Fingerprint {
        let records = try context.state.folder("records")
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
            "settings": .string(DoneMarkers(context).folder),
            "left_out": .string(try LeftOutText(context: context).text(present)),
            "manifest": Provenance.manifest(context.manifest), "program": .object(Provenance.program),
            "places": .array(present.plans.map { .string($0.placesText.map { LineChecksum.digits(of: $0) } ?? "") }),
        ])
    }

    /// - Parameter isThere: whether entries are left out whose files are not there.
    private func texts(
        _ present: PresentJob, _ marks: [String: DoneMarkers.Mark], isThere: Bool
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
            ("txt/attributes.json", Self.text(of: native.map(CropStatistics.published))),
            ("txt/crops.json", Self.text(of: resized.map(CropStatistics.published))),
            ("txt/data.json", Array(try data().utf8)),
            ("txt/left_out.json", Array(try LeftOutText(context: context).text(present).utf8)),
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
    ) throws -> (plan: ItemPlan, done: ItemRunner.Done)? {
        let records = context.records
        guard try isComplete || context.state.changed("records/\(item.name)") != nil,
            let plan = try? PlanFile.item(item, in: context.state)
        else { return nil }
        guard !isComplete else {
            let done = ItemRunner.Done(
                download: try records.record(item: item.name, stage: "download"),
                convert: try records.record(item: item.name, stage: "convert"),
                stat: try records.record(item: item.name, stage: "stat"),
                resize: try records.record(item: item.name, stage: "resize"))
            return done.download != nil && done.isComplete ? (plan, done) : nil
        }
        let gate = ByteBudget(limit: 1)
        let runner = ItemRunner(context: context, plan: plan, downloading: gate, computing: gate)
        return (plan, try isThere ? runner.done() : runner.recorded())
    }

    /// The text of `data.json`: every dataset seen in this store.
    private func data() throws -> String {
        let data = try PlanFile.heads(in: context.state, source: context.store.url).map(Self.entry)
        let counts: JSONValue = [
            "groundtruth": .integer(data.count { $0["has_groundtruth"] == true }),
            "inference": .integer(data.count { $0["has_inference"] == true }),
            "groundtruth_and_inference": .integer(
                data.count { $0["has_groundtruth"] == true && $0["has_inference"] == true }),
        ]
        return JSONValue.object(["datasets": .array(data), "counts": counts]).prettyText + "\n"
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
