import JSONText
import Volumes

/// Consolidated metadata: a `.zmetadata` file, or a `zarr.json` of a group.
struct ConsolidatedHarness: Harness {
    let name = "consolidated"

    func run(_ input: UnsafeRawBufferPointer) {
        let text = Array(input)
        if let metadata = try? ConsolidatedMetadata(zmetadata: text, path: ".zmetadata") { exercise(metadata) }
        if let metadata = try? ConsolidatedMetadata(zarrV3: text, path: "zarr.json") { exercise(metadata) }
    }

    private func exercise(_ metadata: ConsolidatedMetadata) {
        visit("", of: metadata, depth: 0)
        for key in metadata.keys {
            guard let text = metadata.text(of: key).map({ Array($0.utf8) }) else {
                fatalError("\(name): the key \(key) has no text")
            }
            let array =
                (try? ArrayMetadata(zarrV2: text, path: key)) ?? (try? ArrayMetadata(zarrV3: text, path: key))
            if let array { ArrayExercise(metadata: array).run(chunk: [], harness: self) }
            if let attributes = try? JSONValue(parsing: text) {
                AttributesExercise(attributes: attributes).run(harness: self)
            }
        }
    }

    /// Walks the nodes as `convert` does.
    private func visit(_ folder: String, of metadata: ConsolidatedMetadata, depth: Int) {
        require(depth <= 1024, "a node at depth \(depth)")
        for child in metadata.children(of: folder) {
            require(!child.isEmpty && child != "..", "a node \(child.debugDescription) in \(folder.debugDescription)")
            visit(folder.isEmpty ? child : "\(folder)/\(child)", of: metadata, depth: depth + 1)
        }
    }

    func seeds(_ fixtures: Fixtures) -> [[UInt8]] {
        var seeds = (fixtures.files(named: ".zmetadata") + fixtures.files(named: "zarr.json")).map(\.bytes)
        let arrays = fixtures.files(named: ".zarray").prefix(40)
        for (array, attributes) in zip(arrays, fixtures.files(named: ".zattrs") + arrays) {
            let members = [("a/b/.zarray", array), ("a/.zattrs", attributes)].map { key, file in
                Array("\"\(key)\":".utf8) + file.bytes
            }
            seeds.append(
                Array("{\"zarr_consolidated_format\":1,\"metadata\":{".utf8)
                    + Array(members.joined(separator: Array(",".utf8))) + Array("}}".utf8))
        }
        for node in fixtures.files(named: "zarr.json").prefix(60) {
            seeds.append(
                Array("{\"zarr_format\":3,\"node_type\":\"group\",\"consolidated_metadata\":{\"kind\":\"inline\",".utf8)
                    + Array("\"must_understand\":false,\"metadata\":{\"a/s0\":".utf8) + node.bytes + Array("}}}".utf8))
        }
        return seeds
    }
}
