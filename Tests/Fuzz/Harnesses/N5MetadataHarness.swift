import JSONText
import Volumes

/// The `attributes.json` of a group, and after zero bytes those of its arrays. The last part is taken for a block as well.
struct N5MetadataHarness: Harness {
    let name = "n5-metadata"

    private static let maximumPartCount = 8

    func run(_ input: UnsafeRawBufferPointer) {
        let parts = InputParts(input, maximumCount: Self.maximumPartCount)
        if let metadata = try? ArrayMetadata(n5: parts.part(0), path: "attributes.json") {
            let block = parts.parts(from: 1).joined(separator: [0])
            ArrayExercise(metadata: metadata).run(chunk: Array(block), harness: self)
        }
        guard let group = try? JSONValue(parsing: parts.part(0)) else { return }
        AttributesExercise(attributes: group).run(harness: self)
        var arrays: [(path: String, attributes: JSONValue)] = []
        for (number, text) in parts.parts(from: 1).enumerated() {
            guard let attributes = try? JSONValue(parsing: text) else { continue }
            arrays.append((path: "s\(number)", attributes: attributes))
        }
        for found in [arrays, []] {
            guard let multiscale = try? Multiscale(n5Group: group, arrays: found, path: "attributes.json") else {
                continue
            }
            AttributesExercise(attributes: group).check(multiscale, harness: self)
        }
    }

    func seeds(_ fixtures: Fixtures) -> [[UInt8]] {
        let files = fixtures.files(named: "attributes.json")
        var seeds: [[UInt8]] = []
        for file in files {
            seeds += fixtures.withChunks(file, limit: 1)
            let arrays = files.filter { $0.folder.hasPrefix(file.folder + "/") }.prefix(Self.maximumPartCount - 1)
            seeds.append(arrays.reduce(file.bytes) { $0 + [0] + $1.bytes })
        }
        return seeds
    }
}
