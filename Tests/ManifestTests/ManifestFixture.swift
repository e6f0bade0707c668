import Foundation
import TestSupport
import Testing

@testable import Manifest

/// Small manifests made from raw JSON texts, so that also what is no JSON value can stand in them.
enum ManifestFixture {
    /// Where the manifests are said to lie. Nothing of it exists.
    static let folder = "/nowhere/job"

    /// The shortest manifest, with `members` (key to raw JSON) beside or in place of its own two.
    static func text(_ members: [String: String] = [:]) -> String {
        let all = ["source": #""sample:""#, "datasets": #"["jrc_a", "jrc_b"]"#].merging(members) { $1 }
        return "{" + all.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ") + "}"
    }

    static func manifest(
        _ members: [String: String] = [:], overrides: Manifest.Overrides = Manifest.Overrides()
    ) throws -> Manifest {
        try Manifest(parsing: Array(text(members).utf8), folder: folder, overrides: overrides, name: "config.json")
    }

    /// What is wrong with a text; records an issue where nothing is.
    static func fault(
        of text: String, overrides: Manifest.Overrides = Manifest.Overrides(),
        _ location: SourceLocation = #_sourceLocation
    ) throws -> ManifestError {
        try fault(ofBytes: Array(text.utf8), overrides: overrides, location)
    }

    static func fault(
        ofBytes bytes: [UInt8], overrides: Manifest.Overrides = Manifest.Overrides(),
        _ location: SourceLocation = #_sourceLocation
    ) throws -> ManifestError {
        try #require(throws: ManifestError.self, sourceLocation: location) {
            try Manifest(parsing: bytes, folder: folder, overrides: overrides, name: "config.json")
        }
    }

    /// Runs `body` with a new folder, which is gone afterwards.
    static func withFolder<T>(_ body: (String) throws -> T) throws -> T {
        let scratch = Scratch()
        return try body(scratch.path)
    }
}
