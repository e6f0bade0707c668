import Foundation
import Testing

@testable import Manifest

@Suite struct ManifestOverridesTests {
    private static let current = FileManager.default.currentDirectoryPath

    @Test func flagsReplaceWhatTheManifestSays() throws {
        let overrides = Manifest.Overrides(
            source: "s3://other-bucket", output: "results", state: "/elsewhere/state", endpoint: "http://localhost:1",
            only: ["crop_7", "crop_8*"])
        let manifest = try ManifestFixture.manifest(
            ["endpoint": #""https://host""#, "only": #"["crop_1"]"#, "output": #""x""#], overrides: overrides)
        #expect(manifest.source == "s3://other-bucket")
        #expect(manifest.output == Self.current + "/results")
        #expect(manifest.state == "/elsewhere/state")
        #expect(manifest.endpoint == "http://localhost:1")
        #expect(manifest.only == ["crop_7", "crop_8*"])
    }

    @Test func aPathAsSourceIsSeenFromTheCurrentFolder() throws {
        let manifest = try ManifestFixture.manifest(overrides: .init(source: "some-data"))
        #expect(manifest.source.hasPrefix("file:///"))
        #expect(manifest.source.hasSuffix("/some-data"))
        #expect(!manifest.source.contains("nowhere"))
    }

    @Test func aSourceFlagStandsInForTheKey() throws {
        let text = Array(#"{"datasets": ["a"]}"#.utf8)
        let manifest = try Manifest(parsing: text, folder: "/nowhere", overrides: .init(source: "sample:"))
        #expect(manifest.source == "sample:")
    }

    @Test func theEnvironmentComesLast() throws {
        let both = Manifest.Overrides(endpoint: "http://flag", environmentEndpoint: "http://variable")
        let variable = Manifest.Overrides(environmentEndpoint: "http://variable")
        let given = ["endpoint": #""http://manifest""#]
        #expect(try ManifestFixture.manifest(given, overrides: both).endpoint == "http://flag")
        #expect(try ManifestFixture.manifest(given, overrides: variable).endpoint == "http://manifest")
        #expect(try ManifestFixture.manifest(overrides: variable).endpoint == "http://variable")
        #expect(try ManifestFixture.manifest(overrides: .init(environmentEndpoint: "")).endpoint == nil)
    }

    @Test(arguments: [
        (Manifest.Overrides(source: "gs://x"), "--source", "store URL"),
        (Manifest.Overrides(output: ""), "--output", "the path of a folder"),
        (Manifest.Overrides(state: "~/state"), "--state", "not expanded"),
        (Manifest.Overrides(endpoint: "host"), "--endpoint", "http(s)://host"),
        (Manifest.Overrides(only: ["a", ""]), "--only[1]", "not empty"),
        (Manifest.Overrides(environmentEndpoint: "host"), "AWS_ENDPOINT_URL", "http(s)://host"),
        (Manifest.Overrides(output: "/nowhere/job/state/x"), "$.state", "which contains the output"),
        (Manifest.Overrides(state: "/nowhere/job/out"), "--state", "which is the output"),
        (Manifest.Overrides(source: "/nowhere/job"), "$.output", "inside the source"),
    ])
    func aBadFlagIsToldByItsName(_ overrides: Manifest.Overrides, _ path: String, _ message: String) throws {
        let error = try ManifestFixture.fault(of: ManifestFixture.text(), overrides: overrides)
        #expect(error.path == path)
        #expect("\(error)".contains(message), "\(error)")
        #expect("\(error)".hasPrefix("config.json: ") == path.hasPrefix("$"))
    }

    @Test func whatAFlagReplacesMustStillBeRight() throws {
        let error = try ManifestFixture.fault(
            of: ManifestFixture.text(["source": "3"]), overrides: .init(source: "sample:"))
        #expect(error.path == "$.source")
    }
}
