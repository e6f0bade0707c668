internal import Arrays
internal import CropFiles
internal import Geometry
internal import JSONText
internal import Ledger
internal import Manifest
public import Planning
internal import Stores
internal import Volumes

/// The fingerprints of the stages of one item: a stage is done where its record has today's.
struct ItemFingerprints: Sendable {
    let context: JobContext
    let plan: ItemPlan

    init(_ plan: ItemPlan, _ context: JobContext) { (self.context, self.plan) = (context, plan) }

    /// Of everything that is to be fetched.
    var download: Fingerprint {
        var members: [String: JSONValue] = [
            "arrays": .array(
                plan.arrays.map { array in
                    var members: [String: JSONValue] = [
                        "key": .string(array.key), "metadata": .string(array.metadata),
                        "start": .array(array.box.start.array.map { .integer($0) }),
                        "stop": .array(array.box.stop.array.map { .integer($0) }),
                    ]
                    if array.isReversed { members["axes"] = "xyz" }
                    return .object(members)
                }),
            "metadata": .array(plan.metadata.map { [.string($0.key), .string($0.text)] }),
        ]
        // Where the labels decide whether the rest is fetched, it matters what is looked for in them.
        if plan.isUndecided {
            members["undecided"] = .array(
                plan.derived.map { .array([.string($0.name)] + $0.ids.map { .integer($0) }) })
        }
        return StageSettings.download(context).fingerprint(of: members)
    }

    /// Of everything of a volume that is to be fetched, and how it is encoded.
    ///
    /// - Parameter knowsUnknown: false for what an earlier version has recorded, see ``unknownRules``.
    func volumeLog(knowsUnknown: Bool = true) -> Fingerprint {
        // With shards, blocks are counted in inner chunks.
        let hasShards = plan.arrays.contains { (try? $0.storedMetadata().isSharded) ?? false }
        var members: [String: JSONValue] = [
            "objects": .string(download.description), "root": .string(plan.group),
        ]
        members.merge(sourceCodecRule) { $1 }
        if knowsUnknown { members.merge(unknownRules) { $1 } }
        if !plan.derived.isEmpty {
            members["derived"] = .array(
                plan.derived.map {
                    .array([.string($0.name), .string($0.source.key)] + $0.ids.map { .integer($0) })
                })
        }
        return StageSettings.volumeLog(context, hasShards: hasShards).fingerprint(of: members)
    }

    /// Of the plan, what was downloaded, and how it is encoded.
    ///
    /// - Parameter knowsUnknown: false for what an earlier version has recorded, see ``unknownRules``.
    func convert(download: Record, knowsUnknown: Bool = true) throws -> Fingerprint {
        var stripped = plan
        stripped.metadata = []
        // It counts by a rule of its own.
        for index in stripped.labels.indices { stripped.labels[index].finestUnknownCount = nil }
        for index in stripped.derived.indices { stripped.derived[index].source.finestUnknownCount = nil }
        var inputs: [String: JSONValue] = [
            "plan": try JSONValue(encoding: stripped), "content": download.result["content"] ?? .null,
        ]
        inputs.merge(sourceCodecRule) { $1 }
        inputs.merge(maskRule) { $1 }
        if knowsUnknown { inputs.merge(unknownRules) { $1 } }
        return StageSettings.convert(context).fingerprint(of: inputs)
    }

    /// - Parameter version: of the entries; those of earlier versions have lower ones.
    func stat(convert: Record, version: Int = FileStatistics.version) -> Fingerprint {
        StageSettings.stat(version: version)
            .fingerprint(of: StatisticsRules.keys(plan).merging(["files": Self.files(convert)]) { $1 })
    }

    func resize(convert: Record) -> Fingerprint {
        let rules = StatisticsRules.keys(plan).merging(ResizeRules(plan, context.manifest).keys) { own, _ in own }
            .merging(sourceCodecRule) { $1 }
        return StageSettings.resize(context).fingerprint(of: rules.merging(["files": Self.files(convert)]) { $1 })
    }

    private static func files(_ convert: Record) -> JSONValue {
        .array(convert.outputs.map { .string($0.digest.sha256) })
    }

    // MARK: Rules that are newer than a stage's version. Their keys are there only where they apply: all other items stay done.

    /// What voxels mean that nobody has annotated. Earlier versions took 255 for unknown throughout (``UnknownIdentifier``), and a voxel of a
    /// derived label for background where its source says nothing. Whether a label is derived is known only after the download: where none
    /// was, the file that an earlier version has made stays as it is.
    var unknownRules: [String: JSONValue] {
        UnknownIdentifier.keys(plan).merging(plan.derived.isEmpty ? [:] : ["derived_unknown": 1]) { $1 }
    }

    /// Whether `compression: "source"` means other filters than in earlier versions: for N5, and for deflate at zlib's own level (-1).
    private var sourceCodecRule: [String: JSONValue] {
        guard context.manifest.convert.compression == .source else { return [:] }
        let isConcerned = plan.arrays.contains { array in
            guard array.format != .n5 else { return true }
            let codec = (try? PlannedArray(array, store: context.store.url))?.codecSummary
            return codec?.level == -1 && ["zlib", "gzip"].contains(codec?.name)
        }
        return isConcerned ? ["source_codec": 2] : [:]
    }

    /// That 0 and 255 may be absent and present in labels that are declared as semantic, too, and no more.
    private var maskRule: [String: JSONValue] {
        plan.labels.contains { $0.annotation.map { $0.isOpen && $0.type != "unspecified" } ?? false }
            ? ["mask": 2] : [:]
    }
}

/// Where the files of an item lie: its outputs in the output directory, the others in the state directory.
extension ItemPlan {
    /// The file at native resolution.
    public var nativePath: String { "hdf5/\(name).h5" }
    /// The resized file.
    var resizedPath: String { "crops/\(name).h5" }
    /// The log of a volume's chunks, encoded for its native file.
    public var logPath: String { "volumes/\(name).chunks" }
    /// The log of a volume's resized chunks.
    var resizedLogPath: String { "volumes/\(name).resized" }

    /// The pack of what was downloaded. The store is part of the name: packs of two stores never mix.
    public func packPath(_ context: JobContext) -> String {
        let store = Fingerprint(of: .string(context.store.url.description)).description.prefix(8)
        return "packs/\(name)-\(store).zip"
    }
}
