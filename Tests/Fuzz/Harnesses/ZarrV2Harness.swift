import Volumes

/// A `.zarray` or `.zattrs` file, and after a zero byte a chunk.
struct ZarrV2Harness: Harness {
    let name = "zarr-v2"

    func run(_ input: UnsafeRawBufferPointer) {
        let parts = InputParts(input)
        let chunk = parts.part(1)
        if let metadata = try? ArrayMetadata(zarrV2: parts.part(0), path: ".zarray") {
            ArrayExercise(metadata: metadata).run(chunk: chunk, harness: self)
        }
        guard let attributes = TextExercise(text: parts.part(0)).value(harness: self) else { return }
        AttributesExercise(attributes: attributes).run(harness: self)
    }

    func seeds(_ fixtures: Fixtures) -> [[UInt8]] {
        fixtures.files(named: ".zarray").flatMap { fixtures.withChunks($0, limit: 2) }
            + fixtures.files(named: ".zattrs").map(\.bytes)
    }
}
