import JSONText

/// One object of the manifest, taken apart key by key. Unknown keys are noted at once, their values never looked at.
struct ManifestSection<Key: ManifestKeys> {
    private let path: JSONPath
    private let members: [String: JSONValue]
    private let problems: ManifestProblems

    init(_ value: JSONValue, at path: JSONPath, _ problems: ManifestProblems) {
        self.path = path
        self.problems = problems
        guard let members = value.object else {
            self.members = [:]
            problems.add(ManifestProblem(path: path, found: value.shown, expected: "an object"))
            return
        }
        self.members = members
        let known = Key.allCases.map(\.rawValue).sorted()
        for name in members.keys where !known.contains(name) {
            problems.add(
                ManifestProblem(
                    path: path.key(name), found: "unknown key", expected: ManifestValue.alternatives(known),
                    suggestion: Spelling.nearest(to: name, in: known), isUnknownKey: true))
        }
    }

    /// The place of a key, whether it is given or not.
    func path(of key: Key) -> JSONPath { path.key(key.rawValue) }

    /// The value of `key` as `read` takes it; nil where the key is absent, or the value is bad, which is noted.
    func value<T>(_ key: Key, _ read: ManifestValue.Reader<T>) -> T? {
        guard let value = members[key.rawValue] else { return nil }
        return problems.collect { () throws(ManifestProblem) in try read(value, path(of: key)) }
    }

    /// The same for a key whose `null` means that it is absent.
    func optionalValue<T>(_ key: Key, _ read: ManifestValue.Reader<T>) -> T? {
        members[key.rawValue] == .null ? nil : value(key, read)
    }

    /// The same for a key that must be there.
    func requiredValue<T>(_ key: Key, expected: String, _ read: ManifestValue.Reader<T>) -> T? {
        guard members[key.rawValue] != nil else {
            problems.add(
                ManifestProblem(
                    path: path(of: key), found: "nothing", expected: "\(expected) (the key is required)"))
            return nil
        }
        return value(key, read)
    }

    /// An object within this one; nil where the key is absent.
    func section<Inner: ManifestKeys>(_ key: Key, _ keys: Inner.Type) -> ManifestSection<Inner>? {
        members[key.rawValue].map { ManifestSection<Inner>($0, at: path(of: key), problems) }
    }
}
