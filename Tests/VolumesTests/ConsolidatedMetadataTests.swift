import JSONText
import Testing
import Volumes

@Suite struct ConsolidatedMetadataTests {
    private func zarrV3(_ json: JSONValue) throws -> ConsolidatedMetadata? {
        try ConsolidatedMetadata(zarrV3: Array(json.canonicalText.utf8), path: "g/zarr.json")
    }

    private func refusal(_ read: () throws(VolumeError) -> Void) -> VolumeError? {
        do throws(VolumeError) {
            try read()
            return nil
        } catch {
            return error
        }
    }

    @Test func namesTheNodes() throws {
        let metadata = try #require(
            try zarrV3([
                "zarr_format": 3, "node_type": "group",
                "consolidated_metadata": [
                    "kind": "inline", "must_understand": false,
                    "metadata": [
                        "em": ["node_type": "group"], "em/s1": ["node_type": "array"], "em/s0": ["node_type": "array"],
                        "emu": ["node_type": "group"],
                    ],
                ],
            ]))
        #expect(metadata.keys == ["em/s0/zarr.json", "em/s1/zarr.json", "em/zarr.json", "emu/zarr.json"])
        #expect(metadata.children(of: "") == ["em", "emu"])
        #expect(metadata.children(of: "em") == ["s0", "s1"])
        #expect(metadata.children(of: "em/s0").isEmpty)
        #expect(metadata.text(of: "em/zarr.json") == #"{"node_type":"group"}"#)
        #expect(metadata.text(of: "em/.zattrs") == nil)
        #expect(metadata.text(of: "zarr.json") == nil)
    }

    /// The names below a folder are found among those of many others, and whatever characters they begin and end with.
    @Test func namesTheNodesOfManyFolders() throws {
        let ends = ["", "!", "-", ".", "0", "a", "é", "\u{10FFFF}"]
        var nodes: [String: JSONValue] = [:]
        for first in 0..<200 {
            for end in ends {
                for last in ["s0", "s0-", "s00"] { nodes["g\(first)\(end)/\(last)/x"] = ["node_type": "group"] }
            }
        }
        let metadata = try #require(
            try zarrV3(["zarr_format": 3, "node_type": "group", "consolidated_metadata": ["metadata": .object(nodes)]]))
        // "g1" and "0" is "g10" and "".
        let folders = Set((0..<200).flatMap { first in ends.map { "g\(first)\($0)" } })
        #expect(metadata.children(of: "") == folders.sorted())
        for folder in folders {
            #expect(metadata.children(of: folder) == ["s0", "s0-", "s00"])
            #expect(metadata.children(of: "\(folder)/s0") == ["x"])
            #expect(metadata.children(of: "\(folder)/s0/x").isEmpty)
            #expect(metadata.children(of: "\(folder)/s").isEmpty)
        }
    }

    @Test func mayBeAbsent() throws {
        #expect(try zarrV3(["zarr_format": 3, "node_type": "group"]) == nil)
        #expect(try zarrV3(["zarr_format": 3, "node_type": "group", "consolidated_metadata": nil]) == nil)
    }

    @Test(arguments: ["../x", "a/../../x", "/x", "", "a//b", "a\n", ".", "a/./b"])
    func refusesPathsThatLeaveTheGroup(path: String) throws {
        let json: JSONValue = ["consolidated_metadata": ["metadata": .object([path: [:]])]]
        let error = try #require(
            refusal { () throws(VolumeError) in
                _ = try ConsolidatedMetadata(zarrV3: Array(json.canonicalText.utf8), path: "g/zarr.json")
            })
        #expect(error.code == .badMetadata)
        #expect(error.description.unicodeScalars.allSatisfy { $0.value >= 32 })
        let older: JSONValue = ["zarr_consolidated_format": 1, "metadata": .object(["\(path)/.zarray": [:]])]
        let text = Array(older.canonicalText.utf8)
        let second = try #require(
            refusal { () throws(VolumeError) in _ = try ConsolidatedMetadata(zmetadata: text, path: "g/.zmetadata") })
        #expect(second.code == .badMetadata)
    }

    @Test(
        arguments: [
            [], "x", ["consolidated_metadata": 3], ["consolidated_metadata": [:]],
            ["consolidated_metadata": ["kind": "remote", "metadata": [:]]],
            ["consolidated_metadata": ["metadata": ["a": 3]]], ["consolidated_metadata": ["metadata": []]],
        ] as [JSONValue])
    func refusesOtherForms(json: JSONValue) throws {
        let text = Array(json.canonicalText.utf8)
        let error = refusal { () throws(VolumeError) in _ = try ConsolidatedMetadata(zarrV3: text, path: "g/zarr.json")
        }
        #expect(error?.path == "g/zarr.json")
        let older = refusal { () throws(VolumeError) in _ = try ConsolidatedMetadata(zmetadata: text, path: "k") }
        #expect(older?.path == "k")
    }
}
