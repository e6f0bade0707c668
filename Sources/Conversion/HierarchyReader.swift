internal import Arrays
internal import Elements
internal import Stores
internal import Threads
internal import Volumes

/// Finds all arrays and groups below a folder of a store, by listing groups and asking for the metadata of what is in them.
///
/// Where a store cannot list, the names come from consolidated metadata. What is neither array nor group is not entered; in N5 every
/// folder is a group. Arrays of strings and other things that are no numbers are left out with a warning, as in HDF5 files.
struct HierarchyReader: Sendable {
    let nodes: NodeReader
    let stop: StopSignal

    private var store: any ObjectStore { nodes.store }

    /// Deeper trees are refused: links of a file system can make endless ones.
    static let maximumDepth = 64
    /// The most folders that are looked at.
    static let maximumFolderCount = 50_000
    /// Nodes that are asked for at a time.
    private static let width = 16

    /// All nodes at and below `root` ("" is the store's root), sorted by path, the root first.
    ///
    /// - Throws: ``VolumeError`` where the root is no node, a node's metadata cannot be read, no array holds numbers, or the tree is too
    ///   deep or too large; ``StoreError``.
    func read(_ root: String) async throws -> [HierarchyNode] {
        let url = store.url.url(of: root)
        let first = try await nodes.node(in: root, path: []) ?? (nodes.format == .n5 ? Self.bareGroup([]) : nil)
        guard let first else {
            let names =
                nodes.format.map { [$0.arrayMetadataName] } ?? ["zarr.json", ".zarray", ".zgroup", "attributes.json"]
            throw VolumeError(
                .notAnArray, path: url,
                "neither an array nor a group: it has no \(names.joined(separator: ", "))"
                    + (nodes.format == nil ? " (with --format n5 any folder is a group)" : ""))
        }
        guard first.array == nil else { return [first] }

        let names = try await Names(root: root, nodes: nodes)
        var all = [first]
        var level = [first]
        var firstLeftOut: VolumeError?
        while !level.isEmpty {
            let candidates = try await candidates(below: level, names, known: all.count, url: url)
            guard candidates.first.map({ $0.path.count <= Self.maximumDepth }) ?? true else {
                throw VolumeError(.tooLarge, path: url, "groups are nested more than \(Self.maximumDepth) levels deep")
            }
            level = []
            try await inOrder(count: candidates.count, width: Self.width) { number -> Finding in
                try stop.check()
                let candidate = candidates[number]
                let folder = Self.folder(root, candidate.path)
                do {
                    if let node = try await nodes.node(in: folder, path: candidate.path) { return .node(node) }
                } catch let error as VolumeError where error.isOfElementType {
                    return .noNumbers(error)
                }
                return candidate.mayBeBareGroup ? .node(Self.bareGroup(candidate.path)) : .nothing
            } consume: { (_: Int, finding: Finding) in
                switch finding {
                case .node(let node):
                    all.append(node)
                    if node.array == nil { level.append(node) }
                case .noNumbers(let error):
                    nodes.warn("\(error); it is left out")
                    firstLeftOut = firstLeftOut ?? error
                case .nothing: break
                }
            }
        }
        if let firstLeftOut, all.allSatisfy({ $0.array == nil }) { throw firstLeftOut }
        return all.sorted { $0.path.lexicographicallyPrecedes($1.path) }
    }

    /// What is in a folder.
    private enum Finding: Sendable {
        case node(HierarchyNode)
        case noNumbers(VolumeError)
        case nothing
    }

    static func folder(_ root: String, _ path: [String]) -> String {
        ((root.isEmpty ? [] : [root]) + path).joined(separator: "/")
    }

    private static func bareGroup(_ path: [String]) -> HierarchyNode { HierarchyNode(.group(.n5), path: path) }

    /// A folder that may be a node.
    private struct Candidate: Sendable {
        let path: [String]
        let mayBeBareGroup: Bool
    }

    /// The folders in some groups.
    private func candidates(
        below groups: [HierarchyNode], _ names: Names, known: Int, url: String
    ) async throws -> [Candidate] {
        var candidates: [Candidate] = []
        try await inOrder(count: groups.count, width: Self.width) { number in
            try stop.check()
            return try await names.children(of: groups[number].path)
        } consume: { (number: Int, children: [String]) in
            guard known + candidates.count + children.count <= Self.maximumFolderCount else {
                throw VolumeError(
                    .tooLarge, path: url, "more than \(Self.maximumFolderCount) arrays and groups; convert parts of it")
            }
            let group = groups[number]
            for name in children {
                guard Self.isSafe(name) else {
                    nodes.warn("\(url): the name \(name.debugDescription) is not safe; what it holds is left out")
                    continue
                }
                candidates.append(Candidate(path: group.path + [name], mayBeBareGroup: group.mayHoldBareGroups))
            }
        }
        return candidates
    }

    /// Whether a name may be part of a key and of a path in the file.
    static func isSafe(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".." && !name.hasByte("/")
            && name.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    }

    /// Where the names of a group's children come from.
    private struct Names: Sendable {
        private let root: String
        private let store: any ObjectStore
        /// nil where the store lists.
        private let consolidated: ConsolidatedMetadata?

        init(root: String, nodes: NodeReader) async throws {
            self.root = root
            store = nodes.store
            var failure: StoreError?
            var isEmpty = true
            do throws(StoreError) {
                isEmpty = try await store.list(root).prefixes.isEmpty
            } catch {
                guard [.malformedListing, .forbidden, .badRequest, .unsupported].contains(error.code) else {
                    throw error
                }
                failure = error
            }
            consolidated = isEmpty ? try await Self.consolidated(root, nodes) : nil
            if let failure, consolidated == nil { throw failure }
        }

        private static func consolidated(_ root: String, _ nodes: NodeReader) async throws -> ConsolidatedMetadata? {
            if nodes.format != .zarrV2, let text = try await nodes.text("zarr.json", in: root) {
                return try ConsolidatedMetadata(zarrV3: text.bytes, path: text.url)
            }
            guard nodes.format != .n5, let text = try await nodes.text(".zmetadata", in: root) else { return nil }
            return try ConsolidatedMetadata(zmetadata: text.bytes, path: text.url)
        }

        func children(of path: [String]) async throws -> [String] {
            if let consolidated { return consolidated.children(of: path.joined(separator: "/")) }
            return try await store.list(HierarchyReader.folder(root, path)).prefixes
        }
    }
}
