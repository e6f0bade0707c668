internal import JSONText

/// The metadata of all nodes below a group, kept in one document: `.zmetadata` of Zarr v2, or the member
/// `consolidated_metadata` of a `zarr.json`, as zarr-python writes them.
///
/// It answers as the store would: the key of a metadata file, relative to the group, gives that file's text.
public struct ConsolidatedMetadata: Sendable, Equatable {
    /// Texts by key, such as `scale0/image/zarr.json` or `em/.zattrs`.
    private let texts: [String: String]

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
        self.texts = texts
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
        self.texts = texts
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
        var names = Set<String>()
        for key in texts.keys where key.hasPrefix(prefix) {
            let rest = key.dropFirst(prefix.count)
            if let slash = rest.firstIndex(of: "/") { names.insert(String(rest[..<slash])) }
        }
        return names.sorted()
    }

    private static let zarrV2Names: Set<Substring> = [".zarray", ".zgroup", ".zattrs"]

    private static func check(_ key: String, errors: MetadataErrors) throws(VolumeError) {
        guard let objection = LevelPath.objection(key) else { return }
        throw VolumeError(
            .badMetadata, path: errors.path, key: "metadata",
            "expected a path below the group, but \"\(VolumeError.printable(key))\" \(objection)")
    }
}
