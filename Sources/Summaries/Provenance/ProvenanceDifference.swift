internal import Elements
public import JSONText

/// What differs between two `provenance.json`, and why the outputs do: for `cristae diff`.
public struct ProvenanceDifference: Sendable {
    /// A value that both may have; nil where one has none.
    public struct Pair: Sendable, Equatable {
        let name: String
        let a: JSONValue?
        let b: JSONValue?

        var json: JSONValue { ["name": .string(name), "a": a ?? .null, "b": b ?? .null] }
        var text: String { "\(name): \(a?.canonicalText ?? "not there"), \(b?.canonicalText ?? "not there")" }
    }

    /// An item that both have, and that differs.
    public struct Item: Sendable {
        let name: String
        /// By array or class.
        var levels: [Pair] = []
        /// Arrays whose objects are others, by where they lie below the source.
        var sources: [Pair] = []
        var outputs: [Pair] = []
        /// Why the outputs differ.
        var cause: Cause?

        var isEmpty: Bool { levels.isEmpty && sources.isEmpty && outputs.isEmpty }
    }

    enum Cause: String, Sendable {
        case source, manifest, version, unknown
    }

    /// Keys of the manifest that decide over no output of an item that both have.
    private static let neutral: Set<String> = [
        "anonymous", "convert.keep_native", "convert.keep_packs", "datasets", "job", "lists", "regions", "report",
        "select",
    ]

    /// Whether a key of the manifest decides over what is in a file.
    private static func decides(_ key: String) -> Bool {
        !neutral.contains(key) && key != "split" && !key.hasPrefix("split.")
    }

    public let paths: (a: String, b: String)
    public let program: [Pair]
    public let manifest: [Pair]
    let onlyInA: [String]
    let onlyInB: [String]
    public let items: [Item]
    private let itemCount: Int
    /// The keys of the manifest that may be why outputs differ.
    private let deciding: [String]

    public var isEmpty: Bool {
        program.isEmpty && manifest.isEmpty && onlyInA.isEmpty && onlyInB.isEmpty && items.isEmpty
    }

    public init(_ a: ProvenanceFile, _ b: ProvenanceFile) {
        paths = (a.path, b.path)
        program = [Pair(name: "version", a: a.version, b: b.version), Pair(name: "commit", a: a.commit, b: b.commit)]
            .filter { $0.a != $0.b }
        let manifest = Self.pairs(Self.flattened(a.manifest), Self.flattened(b.manifest))
        self.manifest = manifest
        onlyInA = a.items.keys.filter { b.items[$0] == nil }.sorted().map(\.text)
        onlyInB = b.items.keys.filter { a.items[$0] == nil }.sorted().map(\.text)
        let common = a.items.keys.filter { b.items[$0] != nil }.sorted()
        itemCount = common.count
        let deciding = manifest.map(\.name).filter(Self.decides)
        self.deciding = deciding
        let isProgram = !program.isEmpty
        items = common.compactMap { name in
            guard let first = a.items[name], let second = b.items[name], first != second else { return nil }
            var item = Item(name: name.text)
            item.levels = Self.pairs(first["levels"]?.object ?? [:], second["levels"]?.object ?? [:])
            item.sources = Self.pairs(Self.sources(first, a), Self.sources(second, b))
            item.outputs = Self.pairs(Self.outputs(first), Self.outputs(second))
            guard !item.isEmpty else { return nil }
            if !item.outputs.isEmpty {
                // What was chosen otherwise is made from other arrays; that is no change of the source.
                let isChanged = item.sources.contains { Self.isKnown($0.a) && Self.isKnown($0.b) }
                item.cause =
                    isChanged
                    ? .source
                    : !deciding.isEmpty ? .manifest : isProgram ? .version : .unknown
            }
            return item
        }
    }

    /// Whether it is known which objects of an array were taken.
    private static func isKnown(_ source: JSONValue?) -> Bool { !(source?["sha256"]?.isNull ?? true) }

    // MARK: What is compared

    /// The members of an object by their paths; arrays are compared as a whole.
    private static func flattened(_ members: [String: JSONValue], below path: String = "") -> [String: JSONValue] {
        var all: [String: JSONValue] = [:]
        for (key, value) in members {
            if let object = value.object, !object.isEmpty {
                all.merge(flattened(object, below: "\(path)\(key).")) { $1 }
            } else {
                all[path + key] = value
            }
        }
        return all
    }

    /// Where arrays lie below the source, and what was taken of them.
    private static func sources(_ item: JSONValue, _ file: ProvenanceFile) -> [String: JSONValue] {
        let source = file.manifest["source"]?.string ?? ""
        var all: [String: JSONValue] = [:]
        for array in item["arrays"]?.array ?? [] {
            let url = array["url"]?.string ?? ""
            let isBelow = !source.isEmpty && url.hasBytePrefix(source)
            all[isBelow ? url.droppingBytes(source.utf8.count) : url] = [
                "objects": array["objects"] ?? .null, "sha256": array["sha256"] ?? .null,
            ]
        }
        if let metadata = item["metadata"] { all["metadata"] = metadata }
        return all
    }

    private static func outputs(_ item: JSONValue) -> [String: JSONValue] {
        var all: [String: JSONValue] = [:]
        for output in item["outputs"]?.array ?? [] { all[output["path"]?.string ?? ""] = output["sha256"] ?? .null }
        return all
    }

    private static func pairs(_ a: [String: JSONValue], _ b: [String: JSONValue]) -> [Pair] {
        Set(a.keys).union(b.keys).sorted().filter { a[$0] != b[$0] }.map { Pair(name: $0, a: a[$0], b: b[$0]) }
    }

    // MARK: What is told

    /// A line for each difference.
    public var lines: [String] {
        guard !isEmpty else { return ["no difference: \(itemCount) items"] }
        var lines = program.map(\.text) + manifest.map { "manifest: \($0.text)" }
        lines += onlyInA.map { "\($0): only in \(paths.a)" } + onlyInB.map { "\($0): only in \(paths.b)" }
        for item in items {
            lines += item.levels.map { "\(item.name): level of \($0.text)" }
            lines += item.sources.map { pair in
                switch (pair.a, pair.b) {
                case (let a?, let b?): "\(item.name): \(pair.name): \(Self.change(a, b))"
                case (_?, nil): "\(item.name): \(pair.name): only in \(paths.a)"
                default: "\(item.name): \(pair.name): only in \(paths.b)"
                }
            }
            lines += item.outputs.map { pair in
                guard pair.a != nil, pair.b != nil else {
                    return "\(item.name): \(pair.name): only in \(pair.a == nil ? paths.b : paths.a)"
                }
                return "\(item.name): \(pair.name) differs: \(reason(item.cause))"
            }
        }
        return lines
    }

    private static func change(_ a: JSONValue, _ b: JSONValue) -> String {
        if !isKnown(a) || !isKnown(b) {
            return "it is not known of one of them which objects were taken"
        }
        let (before, after) = (a["objects"]?.integer ?? 0, b["objects"]?.integer ?? 0)
        return before == after
            ? "the source has changed: \(before) objects, not the same"
            : "the source has changed: \(before), \(after) objects"
    }

    private func reason(_ cause: Cause?) -> String {
        switch cause {
        case .source?: "its source does"
        case .manifest?:
            "the manifest does (\(deciding.joined(separator: ", ")))"
        case .version?: "the program does"
        case .unknown?, nil: "though nothing does that it was made from"
        }
    }

    public var json: JSONValue {
        func array(_ pairs: [Pair]) -> JSONValue { .array(pairs.map(\.json)) }
        return [
            "equal": .bool(isEmpty), "program": array(program), "manifest": array(manifest),
            "only_in_a": .array(onlyInA.map { .string($0) }), "only_in_b": .array(onlyInB.map { .string($0) }),
            "items": .array(
                items.map { item in
                    [
                        "name": .string(item.name), "levels": array(item.levels), "sources": array(item.sources),
                        "outputs": array(item.outputs), "cause": item.cause.map { .string($0.rawValue) } ?? .null,
                    ]
                }),
        ]
    }
}
