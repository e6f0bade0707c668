internal import JSONText

/// The metadata of all nodes below a group, kept in one document: `.zmetadata` of Zarr v2, or the member
/// `consolidated_metadata` of a `zarr.json`, as zarr-python writes them.
///
/// It answers like the store: the key of a metadata file, relative to the group, gives the file's text.
public struct ConsolidatedMetadata: Sendable, Equatable {
    /// Texts by key, such as `scale0/image/zarr.json` or `em/.zattrs`.
    private let texts: [String: String]
    /// The keys in the order of their bytes, so that keys below a folder are adjacent.
    private let ordered: [String]

    private init(texts: [String: String]) {
        self.texts = texts
        ordered = texts.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Reads a `.zmetadata` file.
    ///
    /// - Parameter path: the file's key, for messages.
    /// - Throws: ``VolumeError`` with code `.notAnArray` where the text is no JSON object, `.badMetadata` where it is not
    ///   consolidated metadata or a key leaves the group, `.unsupported` where it is of another version.
    public init(zmetadata text: [UInt8], path: String) throws(VolumeError) {
        let errors = MetadataErrors(path: path)
        let json = try errors.object(text)
        guard json["zarr_consolidated_format"]?.integer == 1 else {
            throw errors.unsupported(
                "zarr_consolidated_format",
                "expected 1, found \(MetadataErrors.excerpt(json["zarr_consolidated_format"]))")
        }
        guard let files = json["metadata"]?.object else {
            throw errors.bad("metadata", expected: "an object", found: json["metadata"])
        }
        var texts: [String: String] = [:]
        for (key, file) in files {
            try Self.check(key, errors: errors)
            guard let name = key.split(separator: "/").last, Self.zarrV2Names.contains(name) else { continue }
            guard file.object != nil else {
                throw errors.bad("metadata[\"\(VolumeError.printable(key))\"]", expected: "an object", found: file)
            }
            texts[key] = file.canonicalText
        }
        self.init(texts: texts)
    }

    /// Reads the member `consolidated_metadata` of a group's `zarr.json`; nil where there is none, or null.
    ///
    /// - Parameter path: the file's key, for messages.
    /// - Throws: ``VolumeError`` with code `.notAnArray` where the text is no JSON object, `.badMetadata` where a node is
    ///   none or a path leaves the group, `.unsupported` where the metadata are not inline.
    public init?(zarrV3 text: [UInt8], path: String) throws(VolumeError) {
        let errors = MetadataErrors(path: path)
        let json = try errors.object(text)
        let member = "consolidated_metadata"
        guard let consolidated = json[member], !consolidated.isNull else { return nil }
        guard consolidated.object != nil else {
            throw errors.bad(member, expected: "null or an object", found: consolidated)
        }
        if let kind = consolidated["kind"], kind != "inline" {
            throw errors.unsupported("\(member).kind", "expected \"inline\", found \(MetadataErrors.excerpt(kind))")
        }
        guard let nodes = consolidated["metadata"]?.object else {
            throw errors.bad("\(member).metadata", expected: "an object", found: consolidated["metadata"])
        }
        var texts: [String: String] = [:]
        for (path, node) in nodes {
            try Self.check(path, errors: errors)
            guard node.object != nil else {
                throw errors.bad(
                    "\(member).metadata[\"\(VolumeError.printable(path))\"]", expected: "an object", found: node)
            }
            texts["\(path)/zarr.json"] = node.canonicalText
        }
        self.init(texts: texts)
    }

    /// The keys of all metadata files, relative to the group, sorted.
    public var keys: [String] { texts.keys.sorted() }

    /// The text of a metadata file, as the store would give it; nil where the metadata do not have it.
    ///
    /// - Parameter key: relative to the group, such as `s0/zarr.json` or `s0/.zarray`.
    public func text(of key: String) -> String? { texts[key] }

    /// The names of the nodes directly below `folder` (relative to the group, "" is the group itself), sorted.
    public func children(of folder: String) -> [String] {
        let prefix = folder.isEmpty ? "" : folder + "/"
        var names: [String] = []
        var position = index(of: prefix)
        while position < ordered.count, ordered[position].utf8.starts(with: prefix.utf8) {
            let rest = ordered[position].utf8.dropFirst(prefix.utf8.count)
            guard let slash = rest.firstIndex(of: UInt8(ascii: "/")), let name = String(rest[..<slash]) else {
                position += 1
                continue
            }
            names.append(name)
            // "0" is the character after "/", so this skips all keys below the node.
            position = index(of: prefix + name + "0")
        }
        return names.sorted()
    }

    /// The position of a key in ``ordered``, or where it would be inserted.
    private func index(of key: String) -> Int {
        var (low, high) = (0, ordered.count)
        while low < high {
            let middle = low + (high - low) / 2
            if ordered[middle].utf8.lexicographicallyPrecedes(key.utf8) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static let zarrV2Names: Set<Substring> = [".zarray", ".zgroup", ".zattrs"]

    private static func check(_ key: String, errors: MetadataErrors) throws(VolumeError) {
        guard let objection = LevelPath.objection(key) else { return }
        throw VolumeError(
            .badMetadata, path: errors.path, key: "metadata",
            "expected a path below the group, but \"\(VolumeError.printable(key))\" \(objection)")
    }
}
