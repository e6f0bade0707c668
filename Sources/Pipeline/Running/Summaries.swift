internal import Geometry
internal import JSONText
internal import Ledger
internal import Stores
internal import Threads

/// The text outputs of a job (DESIGN, section 6). They are made from what lies in the state directory, so that a run of a few items
/// leaves those of the others in.
struct Summaries: Sendable {
    let context: JobContext

    /// Where the stamp of the last summaries is kept.
    private static let stampPath = "summaries.json"
    private static let paths = ["txt/attributes.json", "txt/crops.json", "txt/data.json"]

    /// What the summaries were made from, and how large they are.
    private struct Stamp: Codable, Equatable {
        let fingerprint: Fingerprint
        let sizes: [Int?]
    }

    static func listPath(_ dataset: String) -> String { "txt/\(dataset)_to_download" }

    /// `txt/<dataset>_to_download` and `txt/zattrs/<dataset>.zattrs`.
    func writeLists(_ plan: DatasetPlan) async throws {
        guard plan.isSelected else { return }
        let (output, store) = (context.output, context.store.url)
        try await ThreadPool.files.run { () throws(LedgerError) in
            if let text = plan.imageMetadata {
                try output.update(Array(text.utf8), to: "txt/zattrs/\(plan.dataset).zattrs")
            }
            let list = DownloadList(plan: plan).text(store: store)
            try output.update(Array(list.utf8), to: Self.listPath(plan.dataset))
        }
    }

    /// `attributes.json`, `crops.json` and `data.json`, unless they are already what these marks give.
    ///
    /// - Returns: items that are marked as complete, but whose records cannot be read; where there are any, nothing is written.
    func write(marks: [String: DoneMarkers.Mark]) async throws -> [String] {
        let this = self
        return try await ThreadPool.files.run { () throws in
            let data = try this.data()
            let stamp = Fingerprint(of: [
                "version": 1, "marks": .array(marks.values.map(\.name).sorted().map { .string($0) }),
                "records": .array(try this.context.records.items().map { .string($0) }), "data": .string(data),
            ])
            if let text = try this.context.state.read(Self.stampPath),
                let kept = try? JSONFile.decode(Stamp.self, from: text),
                kept == Stamp(fingerprint: stamp, sizes: try this.sizes()), kept.sizes.allSatisfy({ $0 != nil })
            {
                return []
            }
            let damaged = try this.writeEntries(marks)
            guard damaged.isEmpty else { return damaged }
            try this.context.output.update(Array(data.utf8), to: "txt/data.json")
            let text = try JSONFile.encode(Stamp(fingerprint: stamp, sizes: try this.sizes()), pretty: true)
            try this.context.state.update(text, to: Self.stampPath)
            return []
        }
    }

    private func sizes() throws -> [Int?] { try Self.paths.map { try context.output.fileSize($0) } }

    private func writeEntries(_ marks: [String: DoneMarkers.Mark]) throws -> [String] {
        var native: [JSONValue] = []
        var resized: [JSONValue] = []
        var damaged: [String] = []
        for item in try context.records.items() {
            let coverage = RawCoverage(try context.records.record(item: item, stage: "download"))
            let convert = try context.records.record(item: item, stage: "convert")
            let stat = try context.records.record(item: item, stage: "stat")
            let resize = try context.records.record(item: item, stage: "resize")
            if marks[item] != nil, convert == nil || stat == nil || resize == nil { damaged.append(item) }
            // An entry stands for a file that is there, as its record says.
            if let convert, try hasOutputs(convert), let stat {
                native.append(coverage?.added(to: stat.result) ?? stat.result)
            }
            if let resize, try hasOutputs(resize) {
                resized.append(coverage?.added(to: resize.result) ?? resize.result)
            }
        }
        guard damaged.isEmpty else { return damaged }
        try write(native, to: "txt/attributes.json")
        try write(resized, to: "txt/crops.json")
        return []
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

    private func hasOutputs(_ record: Record) throws -> Bool {
        for output in record.outputs where try context.output.fileSize(output.path) != output.digest.size {
            return false
        }
        return true
    }

    private func write(_ entries: [JSONValue], to path: String) throws {
        let sorted = entries.sorted { Self.order($0) < Self.order($1) }
        try context.output.update(Array((JSONValue.array(sorted).prettyText + "\n").utf8), to: path)
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
