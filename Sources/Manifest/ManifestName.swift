internal import Elements
internal import JSONText

/// Names that become path components, HDF5 names or patterns for such.
public enum ManifestName {
    /// UTF-8 bytes of a name. A file name has at most 255, and needs room for what is put before and after the name.
    public static let maximumLength = 200
    /// UTF-8 bytes of a pattern for items: a name of 255 bytes with a backslash before each.
    fileprivate static let maximumPatternLength = 510

    /// The rules for every name: no separator, nothing invisible, not `.` or `..`, not too long.
    fileprivate static func check(
        _ name: String, _ path: JSONPath, _ what: String, atMost maximumLength: Int = maximumLength
    ) throws(ManifestError) {
        func refuse(_ reason: String, note: String = "") -> ManifestError {
            ManifestError(path: path, found: "\(QuotedText(name))\(note)", expected: "\(what)\(reason)")
        }
        guard !name.isEmpty else { throw refuse(" that is not empty") }
        guard !name.hasByte("/") else { throw refuse(" without \"/\"") }
        guard name != ".", name != ".." else { throw refuse(", not a way through folders") }
        guard !name.unicodeScalars.contains(where: ShownText.isInvisible) else {
            throw refuse(" without control characters")
        }
        guard name.first?.isWhitespace != true, name.last?.isWhitespace != true else {
            throw refuse(" without blanks around it")
        }
        guard name.utf8.count <= maximumLength else {
            throw refuse(" of at most \(maximumLength) bytes", note: " (\(name.utf8.count) bytes)")
        }
    }
}

extension ManifestValue where T == String {
    /// A text that `read` checks. The schema has its length and pattern.
    static func text(
        atMost length: Int, pattern: String? = nil, expected: String,
        read: @escaping (String, JSONPath) throws(ManifestError) -> Void
    ) -> Self {
        var schema: [String: JSONValue] = ["type": "string", "minLength": 1, "maxLength": .integer(length)]
        if let pattern { schema["pattern"] = .string(pattern) }
        return Self(schema, write: { text, _ in .string(text) }) { (value, path, _) throws(ManifestError) in
            guard let text = value.string else { throw ManifestError(value, path, expected) }
            try read(text, path)
            return text
        }
    }

    /// A name of one thing, such as a class or a job: no wildcard, safe as a path component.
    static func name(_ what: String) -> Self {
        text(atMost: ManifestName.maximumLength, pattern: "^[^/]+$", expected: "\(what) (a string)") {
            (name, path) throws(ManifestError) in
            try ManifestName.check(name, path, what)
            guard !"*?[".contains(where: name.contains) else {
                throw ManifestError(.string(name), path, "\(what) without wildcards")
            }
            guard !name.contains("\\") else {
                throw ManifestError(.string(name), path, "\(what) without \"\\\"")
            }
        }
    }

    /// The name of a dataset, or a shell pattern for such names.
    static var pattern: Self {
        let what = "a dataset name or a shell pattern"
        return text(atMost: ManifestName.maximumLength, pattern: "^[^/]+$", expected: "\(what) (a string)") {
            (name, path) throws(ManifestError) in
            try ManifestName.check(name, path, what)
            do {
                _ = try Glob(name)
            } catch {
                throw ManifestError(path: path, found: "\(QuotedText(name)), which has \(error)", expected: what)
            }
        }
    }

    /// A name or a shell pattern for items, or `dataset/item` with one of both on each side.
    static var itemPattern: Self {
        let what = "an item name or a shell pattern, or \"dataset/item\" with just one \"/\""
        return text(
            atMost: 2 * ManifestName.maximumPatternLength + 1, pattern: "^[^/]+(/[^/]+)?$",
            expected: "\(what) (a string)"
        ) { (text, path) throws(ManifestError) in
            let parts = text.pathComponents(keepingEmpty: true)
            guard parts.count <= 2 else { throw ManifestError(.string(text), path, what) }
            for part in parts {
                do throws(ManifestError) {
                    try ManifestName.check(part, path, what, atMost: ManifestName.maximumPatternLength)
                } catch {
                    throw ManifestError(.string(text), path, error.expected)
                }
            }
            do {
                _ = try ItemFilter.Pattern(text)
            } catch {
                throw ManifestError(path: path, found: "\(QuotedText(text)), which has \(error)", expected: what)
            }
        }
    }

    /// The path of an array below a container: names with "/" between them.
    static var arrayPath: Self {
        let what = "the path of an array below its container, such as \"volumes/raw\""
        return text(atMost: 1024, pattern: "^[^/]+(/[^/]+)*$", expected: "\(what) (a string)") {
            (text, path) throws(ManifestError) in
            guard text.utf8.count <= 1024 else {
                throw ManifestError(.string(text), path, "\(what), of at most 1024 bytes")
            }
            for name in text.pathComponents(keepingEmpty: true) {
                do throws(ManifestError) {
                    try ManifestName.check(name, path, what)
                } catch {
                    throw ManifestError(.string(text), path, what)
                }
            }
        }
    }
}

extension ManifestValue where T == [String] {
    /// Names of classes, or `["*"]` for all of them.
    static var classes: Self {
        let name = ManifestValue<String>.name("a class name or \"*\"")
        let element = ManifestValue<String>(name.schema, write: name.write) {
            (value, path, reading) throws(ManifestError) in
            value == "*" ? "*" : try name.read(value, path, reading)
        }
        return list("an array of class names that is not empty, or [\"*\"]", of: element, atLeast: 1).checked {
            names, path, reading in
            guard names.count > 1, let all = names.firstIndex(of: "*") else { return }
            reading.add(
                ManifestError(
                    path: path.index(all), found: "\"*\" beside other classes",
                    expected: "\"*\" alone, or names alone"))
        }
    }
}

extension ManifestValue where T == [String: Manifest.DeriveRule] {
    /// Rules by the name of the class that each makes.
    static var derivedClasses: Self {
        map(
            "an object of class names and rules", name: .name("a class name"),
            of: .object(Manifest.DeriveRule.keys, "How a class is made from another one.")
        ).checked { rules, path, reading in
            for (name, rule) in rules where rule.from == name {
                reading.add(
                    ManifestError(
                        .string(name), path.key(name).key(Manifest.DeriveRule.keys.key(\.from).name),
                        "another class than the one that is derived"))
            }
        }
    }
}
