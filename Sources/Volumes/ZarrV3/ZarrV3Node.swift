public import JSONText

/// A `zarr.json` file of Zarr version 3 (https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html): whether it
/// describes an array or a group, and the attributes of either.
public struct ZarrV3Node: Sendable, Equatable {
    public enum Kind: String, Sendable, Hashable {
        case array, group
    }

    public let kind: Kind
    /// The user's attributes, such as `ome`; an empty object where there are none.
    public let attributes: JSONValue
    /// The whole document.
    let document: JSONValue

    private static let groupMembers: Set<String> = ["zarr_format", "node_type", "attributes", "consolidated_metadata"]
    private static let arrayMembers: Set<String> = [
        "zarr_format", "node_type", "attributes", "shape", "data_type", "chunk_grid", "chunk_key_encoding",
        "fill_value", "codecs", "storage_transformers", "dimension_names",
    ]

    /// Reads a `zarr.json` file.
    ///
    /// Members that the specification does not name are refused unless they are objects that say
    /// `"must_understand": false`, as it demands.
    ///
    /// - Parameter path: the file's key, for messages.
    /// - Throws: ``VolumeError``: `.notAnArray` where the text is no JSON object, `.badMetadata` and `.unsupported` with
    ///   the member's name, what was expected and what was found.
    public init(_ text: [UInt8], path: String) throws(VolumeError) {
        let errors = MetadataErrors(path: path)
        let json = try errors.object(text)
        guard let version = json["zarr_format"] else { throw errors.bad("zarr_format", expected: "3", found: nil) }
        guard version.integer == 3 else {
            let note = version.string == nil ? "" : ", as drafts of 2020 to 2022 had it"
            throw errors.unsupported("zarr_format", "expected 3, found \(MetadataErrors.excerpt(version))\(note)")
        }
        guard let kind = json["node_type"]?.string.flatMap(Kind.init(rawValue:)) else {
            throw errors.bad("node_type", expected: "\"array\" or \"group\"", found: json["node_type"])
        }
        let known = kind == .array ? Self.arrayMembers : Self.groupMembers
        for (name, value) in (json.object ?? [:]).sorted(by: { $0.key < $1.key }) where !known.contains(name) {
            // zarr-python writes null for groups; some writers do so for arrays as well.
            if name == "consolidated_metadata", value.isNull { continue }
            guard value["must_understand"] == false else {
                throw errors.unsupported(
                    VolumeError.printable(name),
                    "unknown extension, which does not say \"must_understand\": false: \(MetadataErrors.excerpt(value))"
                )
            }
        }
        switch json["attributes"] {
        case nil, .some(.null): attributes = [:]
        case .some(let value) where value.object != nil: attributes = value
        case .some(let value): throw errors.bad("attributes", expected: "an object", found: value)
        }
        self.kind = kind
        document = json
    }
}
