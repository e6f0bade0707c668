internal import Elements

/// Which items of a job are asked for: the patterns of `only`, from the manifest or from `--only`.
///
/// A pattern is a name or a glob for names of items, or `dataset/item` with a name or glob on each side. Without patterns all items are
/// asked for. Names are bytes: the pattern is split at the byte `/`.
public struct ItemFilter: Sendable {
    /// One pattern.
    public struct Pattern: Sendable {
        /// As it was written.
        public let text: String
        /// nil where items of every dataset are meant.
        public let dataset: Glob?
        public let item: Glob

        /// - Throws: ``GlobError`` for more than one `/`, and for a part that is not a pattern.
        init(_ text: String) throws(GlobError) {
            let parts = text.pathComponents(keepingEmpty: true)
            guard parts.count <= 2 else { throw GlobError("more than one \"/\"") }
            self.text = text
            item = try Glob(parts[parts.count - 1])
            dataset = parts.count == 2 ? try Glob(parts[0]) : nil
        }

        /// Whether it takes an item. A pattern with a dataset also takes the name that the item has within its dataset.
        public func takes(_ name: String, ownName: String? = nil, of dataset: String) -> Bool {
            guard let wanted = self.dataset else { return item.matches(name) }
            return wanted.matches(dataset) && (item.matches(name) || ownName.map { item.matches($0) } ?? false)
        }

        /// Whether it takes all items of a dataset, however many there are.
        public func takesAll(of dataset: String) -> Bool {
            item.pattern.utf8.allSatisfy { $0 == UInt8(ascii: "*") } && self.dataset?.matches(dataset) ?? true
        }
    }

    public let patterns: [Pattern]

    /// - Throws: ``GlobError`` for the first text that is not a pattern.
    public init(_ texts: [String]) throws(GlobError) {
        var patterns: [Pattern] = []
        for text in texts { patterns.append(try Pattern(text)) }
        self.patterns = patterns
    }

    /// Whether all items are asked for.
    public var isEmpty: Bool { patterns.isEmpty }

    /// Whether something of this name is asked for that is not an item.
    public func takes(_ name: String, of dataset: String) -> Bool {
        isEmpty || patterns.contains { $0.takes(name, of: dataset) }
    }
}

extension ItemFilter {
    /// A pattern that matches `name` alone, and that a manifest accepts. Wildcards get a backslash; a character that a manifest refuses
    /// becomes `?`.
    public static func literal(_ name: String) -> String {
        let scalars = Array(name.unicodeScalars)
        var pattern = ""
        for (index, scalar) in scalars.enumerated() {
            let isEnd = index == 0 || index == scalars.count - 1
            if ShownText.isInvisible(scalar) || (isEnd && scalar.properties.isWhitespace) {
                pattern += "?"
            } else {
                if ["*", "?", "[", "\\"].contains(scalar) { pattern += "\\" }
                pattern.unicodeScalars.append(scalar)
            }
        }
        return pattern
    }
}
