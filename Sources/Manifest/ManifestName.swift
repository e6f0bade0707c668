import Elements
public import JSONText

/// Checks of names that become path components, HDF5 names or patterns for such.
public enum ManifestName {
    /// UTF-8 bytes of a name: what is put before or after it must still fit the 255 of a file name.
    public static let maximumLength = 200
    /// UTF-8 bytes of a pattern for items: a name of 255, each byte of it with a backslash.
    static let maximumPatternLength = 510

    /// A name of one thing, such as a class or a job: no wildcard, safe as a path component.
    static func component(_ what: String) -> ManifestValue.Reader<String> {
        { (value, path) throws(ManifestProblem) in
            guard let name = value.string else { throw ManifestValue.mismatch(value, path, "\(what) (a string)") }
            try check(name, path, what)
            for (mark, reason) in [("*", "without wildcards"), ("?", "without wildcards"), ("[", "without wildcards")]
            where name.contains(mark) {
                throw ManifestValue.mismatch(value, path, "\(what) \(reason)")
            }
            guard !name.contains("\\") else { throw ManifestValue.mismatch(value, path, "\(what) without \"\\\"") }
            return name
        }
    }

    /// A name, or a shell pattern for names.
    public static func pattern(_ what: String) -> ManifestValue.Reader<String> {
        { (value, path) throws(ManifestProblem) in
            guard let name = value.string else {
                throw ManifestValue.mismatch(value, path, "\(what) or a shell pattern (a string)")
            }
            try check(name, path, "\(what) or a shell pattern")
            do {
                _ = try Glob(name)
            } catch {
                throw ManifestProblem(
                    path: path, found: "\(value.shown), which has \(error)", expected: "\(what) or a shell pattern")
            }
            return name
        }
    }

    /// A name or a shell pattern for items, or `dataset/item` with one of both on each side.
    static func itemPattern(_ value: JSONValue, _ path: JSONPath) throws(ManifestProblem) -> String {
        let what = "an item name or a shell pattern, or \"dataset/item\" with just one \"/\""
        guard let text = value.string else { throw ManifestValue.mismatch(value, path, "\(what) (a string)") }
        let parts = ItemFilter.Pattern.parts(of: text)
        guard parts.count <= 2 else { throw ManifestValue.mismatch(value, path, what) }
        for part in parts {
            do throws(ManifestProblem) {
                try check(part, path, what, atMost: maximumPatternLength)
            } catch {
                throw ManifestProblem(path: path, found: value.shown, expected: error.expected)
            }
        }
        do {
            _ = try ItemFilter.Pattern(text)
        } catch {
            throw ManifestProblem(path: path, found: "\(value.shown), which has \(error)", expected: what)
        }
        return text
    }

    /// The path of an array below a container: names with "/" between them.
    static func arrayPath(_ value: JSONValue, _ path: JSONPath) throws(ManifestProblem) -> String {
        let what = "the path of an array below its container, such as \"volumes/raw\""
        guard let text = value.string else { throw ManifestValue.mismatch(value, path, "\(what) (a string)") }
        guard text.utf8.count <= 1024 else {
            throw ManifestValue.mismatch(value, path, "\(what), of at most 1024 bytes")
        }
        for name in text.pathComponents(keepingEmpty: true) {
            do throws(ManifestProblem) {
                try check(String(name), path, "a name")
            } catch {
                throw ManifestValue.mismatch(value, path, what)
            }
        }
        return text
    }

    /// A class: a name, or `*` for all of them.
    public static func labelClass(_ value: JSONValue, _ path: JSONPath) throws(ManifestProblem) -> String {
        value == "*" ? "*" : try component("a class name or \"*\"")(value, path)
    }

    /// What holds for every name: no separator, nothing invisible, not `.` or `..`, not too long.
    public static func check(
        _ name: String, _ path: JSONPath, _ what: String, atMost maximumLength: Int = maximumLength
    ) throws(ManifestProblem) {
        let value = JSONValue.string(name)
        guard !name.isEmpty else { throw ManifestValue.mismatch(value, path, "\(what) that is not empty") }
        guard !name.hasByte("/") else { throw ManifestValue.mismatch(value, path, "\(what) without \"/\"") }
        guard name != ".", name != ".." else {
            throw ManifestValue.mismatch(value, path, "\(what), not a way through folders")
        }
        guard !name.unicodeScalars.contains(where: ShownText.isInvisible) else {
            throw ManifestValue.mismatch(value, path, "\(what) without control characters")
        }
        guard name.first?.isWhitespace != true, name.last?.isWhitespace != true else {
            throw ManifestValue.mismatch(value, path, "\(what) without blanks around it")
        }
        guard name.utf8.count <= maximumLength else {
            throw ManifestValue.mismatch(
                value, path, "\(what) of at most \(maximumLength) bytes", note: "(\(name.utf8.count) bytes)")
        }
    }
}
