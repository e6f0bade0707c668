/// Why a text is no shell pattern.
public struct GlobError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was found, on one line.
    public let description: String

    init(_ description: String) { self.description = description }
}
