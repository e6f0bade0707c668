internal import Elements
internal import JSONText
internal import Ledger

/// The names of what is claimed.
public enum ClaimName {
    /// The whole job, for a run that is no task.
    public static let job = "job"
    /// The list of the datasets.
    public static let names = "names"
    public static let summaries = "summaries"

    static let itemPrefix = "item-"
    public static func item(_ name: String) -> String { itemPrefix + bounded(name) }
    public static func dataset(_ name: String) -> String { "dataset-" + bounded(name) }

    /// A name that fits into a file name with something before and after it, and that is another one for each name, however names are
    /// compared: what is not ASCII is told apart by a digest.
    static func bounded(_ name: String) -> String {
        guard name.utf8.count > 200 || !name.utf8.allSatisfy({ $0 < 0x80 }) else { return name }
        let digest = Fingerprint(of: .string(name)).description.prefix(16)
        return "\(name.bytePrefix(150))-\(digest)"
    }
}
