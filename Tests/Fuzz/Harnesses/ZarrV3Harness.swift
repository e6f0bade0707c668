import Volumes

/// A `zarr.json` file of an array or a group, and after a zero byte a chunk.
struct ZarrV3Harness: Harness {
    let name = "zarr-v3"

    func run(_ input: UnsafeRawBufferPointer) {
        let parts = InputParts(input)
        let text = parts.part(0)
        if let metadata = try? ArrayMetadata(zarrV3: text, path: "zarr.json") {
            ArrayExercise(metadata: metadata).run(chunk: parts.part(1), harness: self)
        }
        guard let node = try? ZarrV3Node(text, path: "zarr.json") else { return }
        AttributesExercise(attributes: node.attributes).run(harness: self)
        _ = try? ConsolidatedMetadata(zarrV3: text, path: "zarr.json")
    }

    func seeds(_ fixtures: Fixtures) -> [[UInt8]] {
        fixtures.files(named: "zarr.json").flatMap { fixtures.withChunks($0, limit: 2) }
    }
}
