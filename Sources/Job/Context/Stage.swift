/// The five stages of a job, in their order.
public enum Stage: String, Sendable, Hashable, CaseIterable, Comparable {
    case discover, download, convert, stat, resize

    /// Those that an item goes through.
    public static let ofItems: [Stage] = [.download, .convert, .stat, .resize]

    public static func < (a: Stage, b: Stage) -> Bool {
        (allCases.firstIndex(of: a) ?? 0) < (allCases.firstIndex(of: b) ?? 0)
    }
}
