public import Job
public import Ledger
internal import Planning

/// What the records in a state directory name, and whether it belongs to the job as its manifest stands now.
public struct RecordSurvey: Sendable {
    /// How an output stands.
    public enum Standing: Sendable, Equatable {
        /// It was made by this job, from today's settings.
        case current
        /// What it was made from is not settled: the next run tells whether it stays.
        case open
        /// It is an item's of the job, and was made from other settings.
        case stale
        /// Its item is not in the job.
        case foreign
        /// Its record, whose path this is, cannot be read.
        case unreadable(String)
    }

    /// An output, and what is known of it.
    public struct Found: Sendable {
        public let output: Record.Output
        public let stage: String
        public let standing: Standing
        public let dataset: String?
    }

    /// The stages whose records name files of the output directory.
    private static let stages = ["convert", "resize"]
    /// The folders of the output directory that hold what items are made into.
    private static let folders = ["hdf5/", "crops/"]

    private let context: JobContext
    private let items: [String: ItemEntry]
    /// Items of plans that the next run makes anew.
    private let open: Set<String>
    /// Whether nothing of the job is planned, so that nothing is known not to belong to it.
    private let isUnplanned: Bool

    public init(_ context: JobContext, _ present: PresentJob) {
        self.context = context
        items = Dictionary(present.items.map { ($0.name, $0) }) { first, _ in first }
        open = Set(present.outdated.flatMap(\.items).map(\.name))
        isUnplanned = present.plans.isEmpty || !present.damaged.isEmpty || !present.unplanned.isEmpty
    }

    /// Whether an item is known not to be one of the job.
    public func isForeign(_ item: String) -> Bool { items[item] == nil && !open.contains(item) && !isUnplanned }

    /// The outputs that the records of an item name. Blocks.
    public func outputs(of item: String) throws -> [Found] {
        let standings = try standings(of: item)
        var found: [Found] = []
        for stage in Self.stages {
            let standing = standings[stage] ?? .open
            guard let record = try context.records.record(item: item, stage: stage) else {
                let path = "records/\(item)/\(stage).json"
                if try context.state.fileSize(path) != nil {
                    found.append(
                        Found(
                            output: Record.Output(path: path, digest: FileDigest(size: -1, sha256: "")), stage: stage,
                            standing: isForeign(item) ? .foreign : .unreadable("\(context.state.path)/\(path)"),
                            dataset: items[item]?.dataset))
                }
                continue
            }
            // A record is text that anybody may have written: it names nothing but files of items.
            for output in record.outputs where Self.folders.contains(where: { output.path.hasPrefix($0) }) {
                found.append(
                    Found(output: output, stage: stage, standing: standing, dataset: items[item]?.dataset))
            }
        }
        return found
    }

    /// How the outputs of the stages of an item stand.
    private func standings(of item: String) throws -> [String: Standing] {
        guard !isForeign(item) else { return ["convert": .foreign, "resize": .foreign] }
        guard let entry = items[item], let plan = try? PlanFile.item(entry, in: context.state) else { return [:] }
        let done = try ItemRecords(plan, context).recorded()
        // What an unreadable record said is not known.
        guard done.download != nil, try context.records.record(item: item, stage: "convert") != nil else { return [:] }
        guard done.convert != nil else { return ["convert": .stale, "resize": .stale] }
        return ["convert": .current, "resize": done.resize == nil ? .stale : .current]
    }
}
