import Foundation
import JSONText
import Testing

/// One entry of `Fixtures/expected.json`: a file of another implementation, and what it must decode to.
struct Fixture: Sendable, CustomTestStringConvertible {
    let path: String
    let entry: JSONValue

    var testDescription: String { path }
    var shape: [Int] { entry["shape"]?.array?.compactMap(\.integer) ?? [] }

    /// The folder of the files, in the test bundle.
    static let folder = Bundle.module.bundleURL.appending(path: "Fixtures")

    static func url(_ path: String) -> URL { folder.appending(path: path) }

    static func read(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: url(path))) }

    /// The bytes of a file; nil where there is none, as for a chunk that was never stored.
    static func readIfPresent(_ path: String) throws -> [UInt8]? {
        guard FileManager.default.fileExists(atPath: url(path).path) else { return nil }
        return try read(path)
    }

    static func json(_ path: String) throws -> JSONValue { try JSONValue(parsing: read(path)) }

    /// The entries of a format (`zarr_v2`, `numcodecs-blob`) that must be read or refused (`decode`, `reject`).
    /// Empty where the list cannot be read; ``FixtureListTests`` sees to it that it can.
    static func all(format: String, expect: String) -> [Fixture] {
        guard let list = try? json("expected.json").array else { return [] }
        return list.compactMap { entry in
            guard entry["format"]?.string == format, entry["expect"]?.string == expect else { return nil }
            return entry["path"]?.string.map { Fixture(path: $0, entry: entry) }
        }
    }
}

@Suite struct FixtureListTests {
    @Test func namesTheFixturesThatAreHere() throws {
        #expect(Fixture.all(format: "zarr_v2", expect: "decode").count == 150)
        #expect(Fixture.all(format: "zarr_v2", expect: "reject").count == 12)
        #expect(Fixture.all(format: "zarr_v2", expect: "reject-ok").count == 1)
        #expect(Fixture.all(format: "zarr_v2", expect: "metadata-only").count == 2)
        #expect(Fixture.all(format: "numcodecs-blob", expect: "decode").count == 178)
        #expect(Fixture.all(format: "numcodecs-blob", expect: "reject-ok").count == 2)
    }
}
