internal import Elements
internal import JSONText

/// The first thing that is wrong with a manifest.
public struct ManifestError: Error, Sendable, Equatable {
    /// The manifest's file as it was named; nil where the fault lies in a flag or in the environment.
    public let file: String?
    /// The JSON path of the culprit, such as `$.limits.memory` or `$.datasets[2]`; `$` for a text that is no JSON; the name
    /// of a flag (`--output`) or variable where that gave the value.
    public let path: String
    /// What is there. The value of an unknown key is never told, nor that of a URL which holds credentials.
    public let found: String
    /// What should be there.
    public let expected: String
    /// The nearest known key or word.
    public let suggestion: String?
    /// Whether the culprit is a key that the manifest does not know.
    public let isUnknownKey: Bool

    /// What the process ends with: 64 where a flag is wrong, 78 where the manifest or the environment is.
    public var exitCode: Int32 { path.utf8.starts(with: "--".utf8) ? 64 : 78 }

    init(_ problem: ManifestProblem, file: String) {
        self.file = problem.path.isInDocument ? file : nil
        path = problem.path.description
        found = problem.found
        expected = problem.expected
        suggestion = problem.suggestion
        isUnknownKey = problem.isUnknownKey
    }
}

extension ManifestError: CustomStringConvertible {
    /// One line: file, path, what was found, what was expected, what was probably meant.
    public var description: String {
        var text = file.map { "\(QuotedText.escaped($0)): " } ?? ""
        text += "\(path): "
        if isUnknownKey {
            text += suggestion == nil ? "\(found), expected \(expected)" : found
        } else {
            text += "found \(found), expected \(expected)"
        }
        if let suggestion { text += "; did you mean \"\(suggestion)\"?" }
        return text
    }
}
