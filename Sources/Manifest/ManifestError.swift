internal import Elements
internal import JSONText

/// What is wrong with a manifest. Of several mistakes the first one is thrown.
public struct ManifestError: Error, Sendable, Equatable {
    /// The manifest's file as it was named; nil where the fault lies in a flag or in the environment.
    public internal(set) var file: String?
    /// The JSON path of the value, such as `$.limits.memory` or `$.datasets[2]`; `$` for a text that is not JSON; the name of a
    /// flag (`--output`) or variable where that gave the value.
    public var path: String { place.description }
    let place: JSONPath
    /// What is there. The value of an unknown key is never shown, nor a URL that holds credentials.
    public let found: String
    /// What should be there.
    public let expected: String
    /// The nearest known key or word.
    public internal(set) var suggestion: String?
    /// Whether the mistake is a key that does not exist.
    public let isUnknownKey: Bool

    /// What the process ends with: 64 where a flag is wrong, 78 where the manifest or the environment is.
    public var exitCode: Int32 { path.utf8.starts(with: "--".utf8) ? 64 : 78 }

    init(path: JSONPath, found: String, expected: String, suggestion: String? = nil, isUnknownKey: Bool = false) {
        place = path
        self.found = found
        self.expected = expected
        self.suggestion = suggestion
        self.isUnknownKey = isUnknownKey
    }

    /// What is wrong with `value`: a string is shown cut and escaped, a container by its size.
    init(_ value: JSONValue, _ path: JSONPath, _ expected: String) {
        self.init(path: path, found: value.shown, expected: expected)
    }

    /// `"a", "b" or "c"`.
    static func alternatives(_ words: [String]) -> String {
        let quoted = words.map { "\"\($0)\"" }
        guard let last = quoted.last, quoted.count > 1 else { return quoted.joined() }
        return quoted.dropLast().joined(separator: ", ") + " or " + last
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
