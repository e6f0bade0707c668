package import Foundation
package import JSONText

/// One entry of `ConformanceTests/Fixtures/expected.json`: a file of another implementation, and what it must decode to.
package struct Fixture: Sendable, CustomStringConvertible {
    package let path: String
    package let entry: JSONValue

    package init(path: String, entry: JSONValue) { (self.path, self.entry) = (path, entry) }

    package var description: String { path }
    package var shape: [Int] { entry["shape"]?.array?.compactMap(\.integer) ?? [] }

    /// The folder of the files, in the source tree.
    package static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "ConformanceTests/Fixtures")

    package static func url(_ path: String) -> URL { folder.appending(path: path) }

    package static func read(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: url(path))) }

    /// The bytes of a file; nil where there is none, as for a chunk that was never stored.
    package static func readIfPresent(_ path: String) throws -> [UInt8]? {
        guard FileManager.default.fileExists(atPath: url(path).path) else { return nil }
        return try read(path)
    }

    package static func json(_ path: String) throws -> JSONValue { try JSONValue(parsing: read(path)) }

    /// The entries of a format (`zarr_v2`, `numcodecs-blob`) that must be read or refused (`decode`, `reject`).
    /// Empty where the list cannot be read; `FixtureListTests` checks that it can.
    package static func all(format: String, expect: String) -> [Fixture] {
        expected.filter { $0.entry["format"]?.string == format && $0.entry["expect"]?.string == expect }
    }

    private static let expected = list("expected.json")

    /// The entries of a list with their paths below `folder`; empty where the list cannot be read.
    package static func list(_ path: String, below folder: String = "") -> [Fixture] {
        ((try? json(path))?.array ?? []).compactMap { entry in
            entry["path"]?.string.map { Fixture(path: folder + $0, entry: entry) }
        }
    }
}
