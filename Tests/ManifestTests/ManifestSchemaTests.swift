import JSONText
import Testing

@testable import Manifest

@Suite struct ManifestSchemaTests {
    /// One kind of object in the manifest.
    struct Place: Sendable, CustomTestStringConvertible {
        /// The way to its schema.
        let schema: [String]
        let known: [String]
        /// Its path in a manifest.
        let path: String
        /// What the manifest has there beside the key in question, as raw JSON.
        var others: [String: String] = [:]
        /// The manifest's members around such an object.
        let around: @Sendable (String) -> [String: String]

        var testDescription: String { path }

        /// The text of a manifest with `json` as the value of `key` at this place.
        func text(_ key: String, _ json: String) -> String {
            if schema.isEmpty { return ManifestFixture.text([key: json]) }
            let members = others.merging([key: json]) { $1 }.sorted { $0.key < $1.key }
            return ManifestFixture.text(
                around("{" + members.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ") + "}"))
        }
    }

    static let places: [Place] = [
        Place(schema: [], known: Manifest.keys.keys.map(\.name), path: "$", around: { _ in [:] }),
        Place(
            schema: ["properties", "convert"], known: Manifest.Convert.keys.keys.map(\.name), path: "$.convert",
            around: { ["convert": $0] }),
        Place(
            schema: ["properties", "resize"], known: Manifest.Resize.keys.keys.map(\.name), path: "$.resize",
            around: { ["resize": $0] }),
        Place(
            schema: ["properties", "split"], known: Manifest.Split.keys.keys.map(\.name), path: "$.split",
            around: { ["split": $0] }),
        Place(
            schema: ["properties", "limits"], known: Manifest.Limits.keys.keys.map(\.name), path: "$.limits",
            around: { ["limits": $0] }),
        Place(
            schema: ["properties", "regions", "items"], known: Manifest.Region.keys.keys.map(\.name),
            path: "$.regions[0]",
            others: ["dataset": "\"jrc_a\"", "offset_nm": "[0, 0, 0]", "shape_nm": "[1, 1, 1]"],
            around: { ["regions": "[\($0)]"] }),
        Place(
            schema: ["properties", "grids", "items"], known: Manifest.ArrayGrid.keys.keys.map(\.name),
            path: "$.grids[0]",
            others: [
                "dataset": "\"jrc_a\"", "path": "\"volumes/raw\"", "voxel_size_nm": "4",
                "translation_nm": "[0, 0, 0]",
            ],
            around: { ["grids": "[\($0)]"] }),
        Place(
            schema: ["properties", "derive", "additionalProperties"], known: Manifest.DeriveRule.keys.keys.map(\.name),
            path: "$.derive.x", others: ["from": "\"all\"", "ids": "[1]"], around: { ["derive": "{\"x\": \($0)}"] }),
    ]

    private static func schema(at way: [String]) throws -> [String: JSONValue] {
        try #require(way.reduce(Manifest.schema) { $0[$1] ?? .null }.object)
    }

    /// Every object schema in a schema, with the way to it.
    private static func objects(in value: JSONValue, at way: [String] = []) -> [[String]] {
        let here = value["properties"] == nil ? [] : [way]
        return here + (value.object ?? [:]).flatMap { objects(in: $0.value, at: way + [$0.key]) }
    }

    @Test func everyObjectOfTheSchemaIsCompared() {
        let ways = Self.objects(in: Manifest.schema).map { $0.joined(separator: "/") }
        #expect(ways.sorted() == Self.places.map { $0.schema.joined(separator: "/") }.sorted())
    }

    @Test(arguments: places)
    func theSchemaHasTheKeysOfTheParserAndNoOthers(_ place: Place) throws {
        let schema = try Self.schema(at: place.schema)
        let properties = try #require(schema["properties"]?.object)
        #expect(properties.keys.sorted() == place.known.sorted())
        #expect(schema["additionalProperties"] == false)
        #expect(schema["type"] == "object")
    }

    /// Every key of the schema is one that the parser looks at: a value of the wrong type is noticed there.
    @Test(arguments: places)
    func theParserLooksAtTheKeysOfTheSchemaAndAtNoOthers(_ place: Place) throws {
        let properties = try #require(Self.schema(at: place.schema)["properties"]?.object)
        for (key, property) in properties {
            let wrong = property["type"] == "object" ? "[]" : "{}"
            let error = try ManifestFixture.fault(of: place.text(key, wrong))
            #expect(error.path == "\(place.path).\(key)")
            #expect(!error.isUnknownKey)
        }
        let error = try ManifestFixture.fault(of: place.text("unheard_of", "1"))
        #expect(error.isUnknownKey)
        #expect(error.path == "\(place.path).unheard_of")
    }

    private static func error(of text: String) -> ManifestError? {
        do throws(ManifestError) {
            _ = try Manifest(parsing: Array(text.utf8), folder: ManifestFixture.folder)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: places)
    func everyKeyIsDescribed(_ place: Place) throws {
        let properties = try #require(Self.schema(at: place.schema)["properties"]?.object)
        for (key, property) in properties {
            #expect((property["description"]?.string ?? "").count > 10, "\(key)")
        }
    }

    @Test func theDefaultsAreThoseOfTheParser() throws {
        let manifest = try ManifestFixture.manifest().json(relativeTo: ManifestFixture.folder)
        for way in [[], ["convert"], ["resize"], ["limits"]] as [[String]] {
            let properties = try #require(Self.schema(at: way.flatMap { ["properties", $0] })["properties"]?.object)
            let values = way.reduce(manifest) { $0[$1] ?? .null }
            for (key, property) in properties where !["source", "datasets", "split"].contains(key) {
                let standard = try #require(property["default"], "\(key)")
                #expect(standard == values[key], "\(key)")
            }
        }
        #expect(Manifest.schema["required"] == ["datasets", "source"])
    }

    /// Each bound of each whole number: the parser takes it, and nothing beyond.
    @Test(arguments: ["connections", "max_attempts", "claim_seconds"])
    func theBoundsAreThoseOfTheParser(_ key: String) throws {
        let property = try #require(Manifest.schema["properties"]?["limits"]?["properties"]?[key])
        let low = try #require(property["minimum"]?.integer)
        let high = try #require(property["maximum"]?.integer)
        for (value, isGood) in [(low - 1, false), (low, true), (high, true), (high + 1, false)] {
            let text = ManifestFixture.text(["limits": "{\"\(key)\": \(value)}"])
            #expect((Self.error(of: text) == nil) == isGood, "\(value)")
        }
    }

    @Test(arguments: ["select", "mode", "levels"])
    func theWordsAreThoseOfTheParser(_ key: String) throws {
        let words = try #require(Manifest.schema["properties"]?[key]?["enum"]?.array)
        #expect(words.count > 1)
        for word in words.compactMap(\.string) {
            #expect(Self.error(of: ManifestFixture.text([key: "\"\(word)\""])) == nil)
        }
    }
}
