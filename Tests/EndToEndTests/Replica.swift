import Foundation
import JSONText

/// A bucket on disk which `replica.py` wrote.
struct Replica {
    let folder: URL
    /// The crops as `truth.json` tells of them.
    let crops: [JSONValue]

    /// The crops in real sizes, written once for all tests.
    static func full() async throws -> Replica { try await fullTask.value }
    /// The crops cut to small shapes, with small raw chunks.
    static func small() async throws -> Replica { try await smallTask.value }

    private static let fullTask = Task { try await Replica(options: []) }
    private static let smallTask = Task { try await Replica(options: ["--small"]) }

    /// Writes a replica.
    init(options: [String]) async throws {
        folder = try Harness.newFolder("replica")
        _ = try await Harness.script("replica.py", [folder.path] + options)
        let truth = try JSONValue(parsing: Data(contentsOf: folder.appending(path: "truth.json")))
        crops = truth["crops"]?.array ?? []
        guard !crops.isEmpty else { throw HarnessError("truth.json names no crops") }
    }

    /// The keys of the raw chunks which a crop needs at 8 nm, as the reference sees it.
    func rawChunks(ofCrop id: Int) async throws -> [String] {
        let text = try await Harness.script("reference.py", [folder.path, "--json"])
        let listing = try JSONValue(parsing: Array(text.utf8))
        return (listing["\(id)"]?["raw_chunks"]?.array ?? []).compactMap(\.string)
    }
}
