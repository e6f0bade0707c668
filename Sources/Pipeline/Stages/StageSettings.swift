internal import JSONText
internal import Ledger

/// What decides over the output of a stage besides what the stage is made from: the version of its code and its part of the manifest.
///
/// Both the stage's fingerprint and the name of the marks of finished items (``DoneMarkers``) come from here. So a setting that is added to
/// a stage makes both anew.
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
        [Download.settings(context), Convert.settings(context), Stat.settings, Resize.settings(context)]
            + (context.manifest.mode == .volumes ? [VolumeDownload.settings(context)] : [])
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
}
