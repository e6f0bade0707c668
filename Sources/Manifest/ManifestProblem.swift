internal import JSONText

/// One thing that is wrong with a manifest, and where.
struct ManifestProblem: Error {
    let path: JSONPath
    let found: String
    let expected: String
    var suggestion: String?
    var isUnknownKey = false
}

extension ManifestProblem {
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

/// What has been found wrong so far. Readers go on after a problem: which one is told must not depend on the order in which they take
/// the keys.
final class ManifestProblems {
    private var all: [ManifestProblem] = []

    func add(_ problem: ManifestProblem) { all.append(problem) }

    /// Runs `body`, and keeps what it throws.
    func collect(_ body: () throws(ManifestProblem) -> Void) {
        do {
            try body()
        } catch {
            add(error)
        }
    }

    /// What `body` gives; nil where it throws or has noted a problem.
    func value<T>(_ body: () throws(ManifestProblem) -> T) -> T? {
        let count = all.count
        var value: T?
        collect { () throws(ManifestProblem) in value = try body() }
        return all.count == count ? value : nil
    }

    /// - Throws: The first problem: unknown keys before all else, then by path.
    func throwFirst() throws(ManifestProblem) {
        let first = all.min { left, right in
            left.isUnknownKey == right.isUnknownKey ? left.path < right.path : left.isUnknownKey
        }
        if let first { throw first }
    }
}

/// What the readers of values share.
struct ManifestReading {
    /// The folder that relative paths are seen from.
    let folder: String
    let problems: ManifestProblems
}
