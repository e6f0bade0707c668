internal import JSONText
internal import Ledger

/// The names of what is claimed.
enum ClaimName {
    /// The whole job, for a run that is no task.
    static let job = "job"
    /// The list of the datasets.
    static let names = "names"
    static let summaries = "summaries"

    static let itemPrefix = "item-"
    static func item(_ name: String) -> String { itemPrefix + bounded(name) }
    static func dataset(_ name: String) -> String { "dataset-" + bounded(name) }

    /// A name that fits into a file name with something before and after it.
    static func bounded(_ name: String) -> String {
        guard name.utf8.count > 200 else { return name }
        let digest = Fingerprint(of: .string(name)).description.prefix(16)
        return "\(String(decoding: name.utf8.prefix(150), as: UTF8.self))-\(digest)"
    }
}
