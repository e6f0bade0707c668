import Foundation
import Geometry
import JSONText
import Testing

@testable import Manifest

@Suite struct ManifestRoundTripTests {
    static let members: [[String: String]] = [
        [:],
        [
            "job": #""é \"x\"""#, "source": #""some data/50%""#, "endpoint": #""http://localhost:9000""#,
            "anonymous": "false", "datasets": #"["*"]"#, "only": #"["crop_1?", "crop_[!2]*"]"#, "select": #""all""#,
            "mode": #""volumes""#,
            "grids":
                #"[{"dataset": "d", "path": "a/b", "voxel_size_nm": [0.1, 2, 3], "translation_nm": [-1e9, 0, 0.5]}]"#,
            "regions": #"[{"dataset": "d", "offset_nm": [-0.1, 0, 1e9], "shape_nm": [0.30000000000000004, 1, 2]}]"#,
            "classes": #"["*"]"#, "derive": "{}", "target_nm": "[8, 4, 3.3333333333333335]", "tolerance": "0.1",
            "levels": #""finest""#, "padding_nm": "12.5", "output": #""/results""#, "state": #""deep/down/state""#,
            "convert": #"{"compression": "zstd", "keep_packs": true, "keep_native": false}"#,
            "resize": #"{"grid": "power_of_two", "max_upsampling": 2.5}"#,
            "split": #"{"validation": 0.1, "test": 0.3, "seed": 7, "by": "dataset"}"#,
            "limits":
                #"{"connections": 1, "memory": 134217729, "bandwidth": 12345, "outage": 90.5, "claim_seconds": 60}"#,
        ],
        ["target_nm": "5.24", "limits": #"{"memory": "3GiB"}"#, "state": #""./$odd/state""#],
    ]

    @Test(arguments: members, ["/nowhere/job/state", "/nowhere/job", "/", "/other/place", "/nowhere/job/$odd/x"])
    func theTextLoadsToTheSameValue(_ members: [String: String], _ folder: String) throws {
        let manifest = try ManifestFixture.manifest(members)
        let text = Array(manifest.json(relativeTo: folder).prettyText.utf8)
        #expect(try Manifest(parsing: text, folder: folder) == manifest)
    }

    @Test func pathsAreRelativeToTheFolder() throws {
        try ManifestFixture.withFolder { folder in
            let list = folder + "/list"
            try Data().write(to: URL(fileURLWithPath: list))
            let text = ManifestFixture.text(["lists": #"{"jrc_a": "list"}"#])
            let manifest = try Manifest(parsing: Array(text.utf8), folder: folder)
            let json = manifest.json(relativeTo: folder + "/state")
            #expect(json["output"] == "../out")
            #expect(json["state"] == ".")
            #expect(json["lists"] == ["jrc_a": "../list"])
            #expect(manifest.json(relativeTo: "/elsewhere")["output"]?.string == folder + "/out")
            #expect(try Manifest(parsing: Array(json.canonicalText.utf8), folder: folder + "/state") == manifest)
        }
    }

    /// From the standard input: paths are seen from the current folder, also by a manifest that is made of it and lies in the state folder.
    @Test func theStandardInputIsReadFromTheCurrentFolder() throws {
        func load(_ text: String) throws -> Manifest {
            let pipe = Pipe()
            let writer = Thread {
                // In two pieces.
                try? pipe.fileHandleForWriting.write(contentsOf: Data(text.utf8.prefix(7)))
                Thread.sleep(forTimeInterval: 0.05)
                try? pipe.fileHandleForWriting.write(contentsOf: Data(text.utf8.dropFirst(7)))
                try? pipe.fileHandleForWriting.close()
            }
            writer.start()
            return try Manifest.load(
                path: "-", overrides: Manifest.Overrides(), input: pipe.fileHandleForReading)
        }
        let folder = FileManager.default.currentDirectoryPath
        let manifest = try load(ManifestFixture.text(["source": #""data""#, "output": #""results""#]))
        #expect(manifest.output == AbsolutePath("results", in: folder).text)
        #expect(manifest.state == AbsolutePath("state", in: folder).text)
        #expect(manifest.source == "file://" + AbsolutePath("data", in: folder).text)
        let failed = Array(manifest.json(relativeTo: manifest.state).prettyText.utf8)
        #expect(try Manifest(parsing: failed, folder: manifest.state) == manifest)
        let error = try #require(throws: ManifestError.self) { try load("") }
        #expect(error.description.hasPrefix("standard input: $: ") && error.exitCode == 78)
        #expect(throws: ManifestError.self) { try load(String(repeating: " ", count: Manifest.maximumSize + 1)) }
    }

    @Test func itemsThatFailedMakeAManifestOfThem() throws {
        try ManifestFixture.withFolder { folder in
            var manifest = try Manifest(parsing: Array(ManifestFixture.text().utf8), folder: folder)
            manifest.only = ["crop_124", "crop_9"]
            let state = URL(fileURLWithPath: manifest.state)
            try FileManager.default.createDirectory(at: state, withIntermediateDirectories: true)
            let file = state.appending(path: "failed.json")
            try Data(manifest.json(relativeTo: manifest.state).prettyText.utf8).write(to: file)
            #expect(try Manifest.load(path: file.path) == manifest)
        }
    }
}
