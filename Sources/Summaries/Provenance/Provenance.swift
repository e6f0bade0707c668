internal import Arrays
internal import Elements
internal import Geometry
internal import JSONText
internal import Job
internal import Ledger
internal import Manifest
internal import Planning
internal import Stores

/// `txt/provenance.json`: what the outputs were made from, and by what. The same inputs give the same bytes: it has no date,
/// and nothing that depends on where and how the job ran.
struct Provenance: Sendable {
    static let path = "txt/provenance.json"

    private let context: JobContext
    /// An item a line, with its name before it.
    private var items: [(name: ByteName, text: String)] = []

    init(_ context: JobContext) { self.context = context }

    /// The manifest without what does not decide over the outputs: where they lie, how fast they were made. What `only` takes is told by the
    /// items that are there.
    static func manifest(_ manifest: Manifest) -> JSONValue {
        var members = manifest.json(relativeTo: manifest.output).object ?? [:]
        for property in [\Manifest.output, \.state, \.limits, \.endpoint, \.only] as [PartialKeyPath<Manifest>] {
            members[Manifest.key(of: property)] = nil
        }
        return .object(members)
    }

    /// The program.
    static var program: [String: JSONValue] {
        ["version": .string(Build.version), "commit": Build.commit.map { .string($0) } ?? .null]
    }

    /// Adds an item of which there are outputs. Blocks.
    mutating func add(_ plan: ItemPlan, _ done: DoneStages) throws {
        guard let download = done.download, done.convert != nil else { return }
        let noted: [ByteName: SourceDigest]
        if let found = SourceDigest.noted(in: download) {
            noted = found
        } else {
            noted = Dictionary(
                try SourceDigest.kept(of: plan, download, context).map { (ByteName($0.array), $0) }
            ) { first, _ in first }
        }
        let arrays = plan.arrays.map { array -> JSONValue in
            let digest = noted[ByteName(array.key)] ?? SourceDigest(unknown: array.key)
            return [
                "url": .string(context.store.url.url(of: array.key)), "level": .string(array.level),
                "objects": digest.objects.map { .integer($0) } ?? .null,
                "sha256": digest.sha256.map { .string($0) } ?? .null,
            ]
        }
        let outputs = [done.convert, done.resize].compactMap { $0 }.flatMap(\.outputs).map { output -> JSONValue in
            [
                "path": .string(output.path), "size": .integer(output.digest.size),
                "sha256": .string(output.digest.sha256),
            ]
        }
        let item: JSONValue = [
            "name": .string(plan.name), "dataset": .string(plan.dataset), "levels": .object(Self.levels(plan)),
            "arrays": .array(arrays), "metadata": Self.metadata(plan), "outputs": .array(outputs),
        ]
        items.append((ByteName(plan.name), item.canonicalText))
    }

    /// The level of each array: by `raw` and the classes; of a volume, which may have a class several times, by the path of the image.
    private static func levels(_ plan: ItemPlan) -> [String: JSONValue] {
        var levels: [String: JSONValue] = [:]
        for array in plan.arrays {
            let name =
                plan.kind == .volume ? String(ArrayPlan.path(of: array.image, below: plan.group)) : array.name
            levels[name] = .string(array.level)
        }
        return levels
    }

    /// Of the objects that say what the arrays are: a line each, as for chunks, with the CRC-32 and size of the text.
    private static func metadata(_ plan: ItemPlan) -> JSONValue {
        let lines = plan.metadata.map { object -> (ByteName, String) in
            let text = Array(object.text.utf8)
            return (ByteName(object.key), "\(object.key)\t\(LineChecksum.digits(of: text)) \(text.count)\n")
        }.sorted { $0.0 < $1.0 }
        let digest = FileDigest(of: Array(lines.map(\.1).joined().utf8))
        return ["objects": .integer(lines.count), "sha256": .string(digest.sha256)]
    }

    /// The document, an item a line in the order of their names.
    var text: [UInt8] {
        var text = Array("{\n  \"commit\": \(Self.line(Self.program["commit"] ?? .null)),\n  \"items\": [".utf8)
        for (number, item) in items.sorted(by: { $0.name < $1.name }).enumerated() {
            text += Array("\(number == 0 ? "" : ",")\n    \(item.text)".utf8)
        }
        let manifest = Self.manifest(context.manifest).prettyText.replacing("\n", with: "\n  ")
        text += Array("\(items.isEmpty ? "" : "\n  ")],\n  \"manifest\": \(manifest),\n  \"version\": ".utf8)
        return text + Array("\(Self.line(Self.program["version"] ?? .null))\n}\n".utf8)
    }

    private static func line(_ value: JSONValue) -> String { value.canonicalText }
}
