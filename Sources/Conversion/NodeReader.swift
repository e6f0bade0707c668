internal import Elements
internal import JSONText
internal import Stores
internal import Volumes

/// Reads the metadata of single nodes by asking for their files, so that the folders of arrays, which may hold millions of chunks,
/// are never listed.
///
/// A folder with metadata of several formats is what its `zarr.json` says, else its `.zarray` or `.zgroup`, else its
/// `attributes.json`: tools that convert in place leave the older file behind. A format that was asked for is the only one looked at.
struct NodeReader: Sendable {
    let store: any ObjectStore
    /// nil: whatever is there.
    let format: VolumeFormat?
    /// Told about attributes that cannot be read.
    let warn: @Sendable (String) -> Void

    /// More than this is no metadata.
    private static let maximumBytes = 64 << 20
    private static let order: [VolumeFormat] = [.zarrV3, .zarrV2, .n5]
    /// Members of `attributes.json` that describe the array.
    private static let n5Members: Set<String> = [
        "n5", "dimensions", "blockSize", "dataType", "compression", "compressionType",
    ]

    /// The node whose metadata lie in `folder` ("" is the store's root); nil where there is none.
    ///
    /// - Throws: ``VolumeError`` with the URL of the file, ``StoreError``.
    func node(in folder: String, path: [String]) async throws -> HierarchyNode? {
        for candidate in format.map({ [$0] }) ?? Self.order {
            let node: HierarchyNode? =
                switch candidate {
                case .zarrV3: try await zarrV3(folder, path)
                case .zarrV2: try await zarrV2(folder, path)
                case .n5: try await n5(folder, path)
                }
            if let node { return node }
        }
        return nil
    }

    /// The text of a file of metadata, and its URL.
    func text(_ name: String, in folder: String) async throws -> (bytes: [UInt8], url: String)? {
        let key = folder.isEmpty ? name : "\(folder)/\(name)"
        guard let object = try await store.get(key, range: nil, maximumBytes: Self.maximumBytes) else { return nil }
        return (object.bytes.array, store.url.url(of: key))
    }

    private func zarrV3(_ folder: String, _ path: [String]) async throws -> HierarchyNode? {
        guard let text = try await text("zarr.json", in: folder) else { return nil }
        let node = try ZarrV3Node(text.bytes, path: text.url)
        let document = try JSONValue(parsingWithFloats: text.bytes)
        let attributes = document["attributes"]?.object ?? [:]
        guard node.kind == .array else { return HierarchyNode(.group(.zarrV3), path: path, attributes: attributes) }
        let metadata = try ArrayMetadata(zarrV3: text.bytes, path: text.url)
        return HierarchyNode(
            .array(metadata), path: path, attributes: attributes,
            axisNames: Self.names(document["dimension_names"], rank: metadata.rank)
                ?? Self.names(attributes["_ARRAY_DIMENSIONS"], rank: metadata.rank) ?? [])
    }

    private func zarrV2(_ folder: String, _ path: [String]) async throws -> HierarchyNode? {
        if let text = try await text(".zarray", in: folder) {
            let metadata = try await zarrV2Array(text.bytes, text.url, in: folder)
            let attributes = try await zarrV2Attributes(folder)
            return HierarchyNode(
                .array(metadata), path: path, attributes: attributes,
                axisNames: Self.names(attributes["_ARRAY_DIMENSIONS"], rank: metadata.rank) ?? [])
        }
        guard try await text(".zgroup", in: folder) != nil else { return nil }
        return HierarchyNode(.group(.zarrV2), path: path, attributes: try await zarrV2Attributes(folder))
    }

    /// The metadata of an array. Where they do not say how chunks are named, and chunks are nested, they are read as if they did.
    private func zarrV2Array(_ text: [UInt8], _ url: String, in folder: String) async throws -> ArrayMetadata {
        let declared = try ArrayMetadata(zarrV2: text, path: url)
        guard let nested = UndeclaredSeparator.nested(text), try await isNested(folder) else { return declared }
        warn("\(url) has no dimension_separator, but its chunks lie at 0/0/0: taken as they lie")
        return try ArrayMetadata(zarrV2: Array(nested.utf8), path: url)
    }

    private func isNested(_ folder: String) async throws -> Bool {
        do {
            return UndeclaredSeparator.isNested(try await store.list(folder.isEmpty ? "0" : "\(folder)/0").prefixes)
        } catch {
            guard error.cannotList else { throw error }
            return false
        }
    }

    private func zarrV2Attributes(_ folder: String) async throws -> [String: JSONValue] {
        guard let text = try await text(".zattrs", in: folder) else { return [:] }
        guard let object = (try? JSONValue(parsingWithFloats: text.bytes))?.object else {
            warn("\(text.url): no JSON object; its attributes are left out")
            return [:]
        }
        return object
    }

    private func n5(_ folder: String, _ path: [String]) async throws -> HierarchyNode? {
        guard let text = try await text("attributes.json", in: folder) else { return nil }
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue(parsing: text.bytes)
        } catch {
            throw VolumeError(.badMetadata, path: text.url, "not JSON: \(error)")
        }
        let members = json.object ?? [:]
        let exact = (try? JSONValue(parsingWithFloats: text.bytes))?.object ?? members
        let attributes = exact.filter { !Self.n5Members.contains($0.key) }
        guard let dimensions = members["dimensions"], !dimensions.isNull else {
            return HierarchyNode(.group(.n5), path: path, attributes: attributes)
        }
        let metadata = try ArrayMetadata(n5: json, path: text.url)
        return HierarchyNode(.array(metadata), path: path, attributes: attributes)
    }

    /// The names of axes; nil where there are none, or not as many as axes.
    private static func names(_ value: JSONValue?, rank: Int) -> [String]? {
        guard let list = value?.array, list.count == rank, rank > 0 else { return nil }
        let names = list.map { $0.string ?? "" }
        return names.allSatisfy(\.isEmpty) ? nil : names
    }
}

/// An array or a group of a store, as its metadata describe it.
struct HierarchyNode: Sendable {
    enum Kind: Sendable {
        case array(ArrayMetadata)
        case group(VolumeFormat)
    }

    /// Names from the source down to this node; none for the source itself.
    var path: [String]
    let kind: Kind
    /// The user's attributes, without what belongs to the format.
    let attributes: [String: JSONValue]
    /// Names of the axes in the order of the shape, "" for an axis without one; empty where the metadata name none.
    let axisNames: [String]

    init(_ kind: Kind, path: [String], attributes: [String: JSONValue] = [:], axisNames: [String] = []) {
        self.kind = kind
        self.path = path
        self.attributes = attributes
        self.axisNames = axisNames
    }

    var array: ArrayMetadata? {
        guard case .array(let metadata) = kind else { return nil }
        return metadata
    }

    /// Whether folders below it may be groups without any metadata, as N5 has it.
    var mayHoldBareGroups: Bool {
        guard case .group(.n5) = kind else { return false }
        return true
    }
}
