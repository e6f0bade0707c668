import JSONText
import Testing

@testable import Pipeline

@Suite struct ManifestSchemaTests {
    /// Where the objects of the manifest are: the way to their schema, and a manifest's members around one key of them.
    static let places:
        [(schema: [String], known: [String], member: @Sendable (String) -> [String: String], path: String)] = [
            ([], ManifestKey.allCases.map(\.rawValue), { [$0: "{}"] }, "$"),
            (
                ["properties", "convert"], ConvertKey.allCases.map(\.rawValue), { ["convert": "{\"\($0)\": {}}"] },
                "$.convert"
            ),
            (
                ["properties", "resize"], ResizeKey.allCases.map(\.rawValue), { ["resize": "{\"\($0)\": {}}"] },
                "$.resize"
            ),
            (
                ["properties", "limits"], LimitsKey.allCases.map(\.rawValue), { ["limits": "{\"\($0)\": {}}"] },
                "$.limits"
            ),
            (
                ["properties", "regions", "items"], RegionKey.allCases.map(\.rawValue),
                { ["regions": "[{\"\($0)\": {}}]"] }, "$.regions[0]"
            ),
            (
                ["properties", "derive", "additionalProperties"], DeriveKey.allCases.map(\.rawValue),
                { ["derive": "{\"x\": {\"\($0)\": {}}}"] }, "$.derive.x"
            ),
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

    @Test(arguments: places.indices)
    func theSchemaHasTheKeysOfTheParserAndNoOthers(_ index: Int) throws {
        let place = Self.places[index]
        let schema = try Self.schema(at: place.schema)
        let properties = try #require(schema["properties"]?.object)
        #expect(properties.keys.sorted() == place.known.sorted())
        #expect(schema["additionalProperties"] == false)
        #expect(schema["type"] == "object")
    }

    /// An object as the value of each key: no key of the schema may be unknown to the parser, and one more must be.
    @Test(arguments: places.indices)
    func theParserTakesTheKeysOfTheSchemaAndNoOthers(_ index: Int) throws {
        let place = Self.places[index]
        let properties = try #require(Self.schema(at: place.schema)["properties"]?.object)
        for key in properties.keys {
            let error = Self.error(of: ManifestFixture.text(place.member(key)))
            #expect(error?.isUnknownKey != true, "\(key)")
        }
        let error = try ManifestFixture.fault(of: ManifestFixture.text(place.member("unheard_of")))
        #expect(error.isUnknownKey)
        #expect(error.path == place.path + ".unheard_of")
    }

    private static func error(of text: String) -> ManifestError? {
        do throws(ManifestError) {
            _ = try Manifest(parsing: Array(text.utf8), folder: ManifestFixture.folder)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: places.indices)
    func everyKeyIsDescribed(_ index: Int) throws {
        let properties = try #require(Self.schema(at: Self.places[index].schema)["properties"]?.object)
        for (key, property) in properties {
            #expect((property["description"]?.string ?? "").count > 10, "\(key)")
        }
    }

    @Test func theDefaultsAreThoseOfTheParser() throws {
        let manifest = try ManifestFixture.manifest().json(relativeTo: ManifestFixture.folder)
        for way in [[], ["convert"], ["resize"], ["limits"]] as [[String]] {
            let properties = try #require(Self.schema(at: way.flatMap { ["properties", $0] })["properties"]?.object)
            let values = way.reduce(manifest) { $0[$1] ?? .null }
            for (key, property) in properties where !["source", "datasets"].contains(key) {
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
