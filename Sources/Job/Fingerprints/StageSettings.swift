internal import CropFiles
internal import Geometry
internal import JSONText
internal import Ledger
internal import Manifest
internal import Stores

/// What decides over the output of a stage besides what the stage is made from: the version of its code and its part of the manifest.
///
/// Both the stage's fingerprint (``ItemFingerprints``) and the name of the marks of finished items (``CompletionMarkers``) come from here. So a setting
/// that is added to a stage makes both anew.
struct StageSettings: Sendable {
    /// Goes up whenever the same input gives other bytes than before.
    let version: Int
    /// The settings, by the names that they have in the fingerprint.
    let members: [String: JSONValue]

    /// Of these settings and of what the stage is made from.
    func fingerprint(of inputs: [String: JSONValue]) -> Fingerprint {
        var members = members.merging(inputs) { setting, _ in setting }
        members["version"] = .integer(version)
        return Fingerprint(of: .object(members))
    }

    /// Those of all stages that items of this job go through, in the order of the stages.
    static func ofItems(_ context: JobContext) -> [StageSettings] {
        [download(context), convert(context), stat(), resize(context)]
            + (context.manifest.mode == .volumes ? [volumeLog(context)] : [])
    }

    /// The settings of several stages as one value. A name that two stages use for different values is kept twice.
    static func all(_ stages: [StageSettings]) -> JSONValue {
        var members: [String: JSONValue] = ["versions": .array(stages.map { .integer($0.version) })]
        for (number, stage) in stages.enumerated() {
            for (name, value) in stage.members {
                members[members[name].map { $0 == value } ?? true ? name : "\(name) \(number)"] = value
            }
        }
        return .object(members)
    }

    // MARK: The stages

    static func download(_ context: JobContext) -> StageSettings {
        StageSettings(version: 1, members: ["source": .string(context.store.url.description)])
    }

    /// Of the log into which the chunks of a volume are encoded while they are downloaded. The second version did not change the logs of
    /// volumes without shards.
    static func volumeLog(_ context: JobContext, hasShards: Bool = true) -> StageSettings {
        let convert = convert(context)
        return StageSettings(
            version: hasShards ? 2 : 1,
            members: [
                "compression": convert.members["compression"] ?? .null, "encoding": .integer(convert.version),
            ])
    }

    static func convert(_ context: JobContext) -> StageSettings {
        StageSettings(
            version: 2,
            members: [
                "compression": .string(context.manifest.convert.compression.rawValue),
                "source": .string(context.store.url.description),
            ])
    }

    /// - Parameter version: of the entries; those of earlier versions have lower ones.
    static func stat(version: Int = FileStatistics.version) -> StageSettings {
        StageSettings(version: version, members: [:])
    }

    static func resize(_ context: JobContext) -> StageSettings {
        let manifest = context.manifest
        return StageSettings(
            version: 2,
            members: [
                "target": .array(manifest.targetNm.array.map { .number($0) }),
                "raw": .string(manifest.resize.raw.rawValue), "labels": .string(manifest.resize.labels.rawValue),
                "grid": .string(manifest.resize.grid.rawValue), "tolerance": .number(manifest.tolerance),
                // What needs more is left out when it is planned. The number is that of records from before that.
                "max_upsampling": 4,
                "compression": .string(manifest.convert.compression.rawValue),
            ])
    }
}
