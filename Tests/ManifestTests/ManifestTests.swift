import Foundation
import Geometry
import Testing

@testable import Manifest

@Suite struct ManifestTests {
    @Test func whatIsNotGivenHasItsDefault() throws {
        let manifest = try ManifestFixture.manifest()
        #expect(manifest.job == "cristae")
        #expect(manifest.source == "sample:")
        #expect(manifest.endpoint == nil)
        #expect(manifest.anonymous)
        #expect(manifest.datasets == ["jrc_a", "jrc_b"])
        #expect(manifest.only == [])
        #expect(manifest.select == .groundtruth)
        #expect(manifest.mode == .crops)
        #expect(manifest.regions == [])
        #expect(manifest.grids == [])
        #expect(manifest.classes == ["mito"])
        #expect(manifest.derive == ["mito": .init(from: "all", ids: [3, 4, 5, 50], instances: true)])
        #expect(manifest.targetNm == ZYX(8, 8, 8))
        #expect(manifest.tolerance == 0.4)
        #expect(manifest.levels == .target)
        #expect(manifest.paddingNm == 0)
        #expect(manifest.lists == [:])
        #expect(manifest.output == "/nowhere/job/out")
        #expect(manifest.state == "/nowhere/job/state")
        #expect(manifest.convert.compression == .gzip)
        #expect(!manifest.convert.keepPacks)
        #expect(manifest.resize.raw == .area)
        #expect(manifest.resize.labels == .majority)
        #expect(manifest.resize.grid == .exact)
        #expect(manifest.resize.maxUpsampling == 2)
        #expect(manifest.limits.connections == 64)
        #expect(manifest.limits.memory == 1_073_741_824)
        #expect(manifest.limits.bandwidth == nil)
        #expect(manifest.limits.maxAttempts == 10)
        #expect(manifest.limits.outageSeconds == 600)
        #expect(manifest.limits.claimSeconds == 300)
    }

    @Test func everyKeyIsRead() throws {
        let manifest = try ManifestFixture.manifest([
            "job": #""mito 4""#, "source": #""s3://my.bucket-1/some/prefix""#,
            "endpoint": #""http://localhost:9000/s3""#,
            "anonymous": "false", "datasets": #"["jrc_*", "aic_[a-c]?"]"#, "only": #"["crop_1*"]"#,
            "select": #""inference""#, "mode": #""volumes""#,
            "regions": #"[{"dataset": "jrc_hela-2", "offset_nm": [-1.5, 0, 2e3], "shape_nm": [800, 400.5, 1]}]"#,
            "classes": #"["er", "nuc"]"#, "derive": #"{"er": {"from": "all", "ids": [0, 9223372036854775807]}}"#,
            "target_nm": "[8, 4.0, 2.5]", "tolerance": "0", "levels": #""finest""#, "padding_nm": "64.5",
            "output": #""/results/./a/../b/""#, "state": #""../st\u0061te""#,
            "convert": #"{"compression": "source", "keep_packs": true}"#,
            "resize": #"{"grid": "power_of_two", "max_upsampling": 1}"#,
            "limits":
                #"{"connections": 1024.0, "memory": "512MiB", "bandwidth": "100MB/s", "max_attempts": 1, "outage": "1h30m", "claim_seconds": 5}"#,
        ])
        #expect(manifest.job == "mito 4")
        #expect(manifest.source == "s3://my.bucket-1/some/prefix")
        #expect(manifest.endpoint == "http://localhost:9000/s3")
        #expect(!manifest.anonymous)
        #expect(manifest.datasets == ["jrc_*", "aic_[a-c]?"])
        #expect(manifest.only == ["crop_1*"])
        #expect(manifest.select == .inference)
        #expect(manifest.mode == .volumes)
        #expect(
            manifest.regions == [
                .init(dataset: "jrc_hela-2", offsetNm: ZYX(-1.5, 0, 2000), shapeNm: ZYX(800, 400.5, 1))
            ])
        #expect(manifest.classes == ["er", "nuc"])
        #expect(manifest.derive == ["er": .init(from: "all", ids: [0, .max], instances: false)])
        #expect(manifest.targetNm == ZYX(8, 4, 2.5))
        #expect(manifest.tolerance == 0)
        #expect(manifest.levels == .finest)
        #expect(manifest.paddingNm == 64.5)
        #expect(manifest.output == "/results/b")
        #expect(manifest.state == "/nowhere/state")
        #expect(manifest.convert == .init(compression: .source, keepPacks: true))
        #expect(manifest.resize == .init(grid: .powerOfTwo, maxUpsampling: 1))
        #expect(
            manifest.limits
                == .init(
                    connections: 1024, memory: 512 << 20, bandwidth: 100_000_000, maxAttempts: 1,
                    outageSeconds: 5400, claimSeconds: 5))
    }

    @Test func nullIsAbsentForEndpointAndBandwidth() throws {
        let manifest = try ManifestFixture.manifest(["endpoint": "null", "limits": #"{"bandwidth": null}"#])
        #expect(try manifest == ManifestFixture.manifest())
    }

    @Test func anEmptyDeriveTurnsItOff() throws {
        #expect(try ManifestFixture.manifest(["derive": "{}"]).derive == [:])
    }

    @Test func aStarStandsForAllClasses() throws {
        #expect(try ManifestFixture.manifest(["classes": #"["*"]"#]).classes == ["*"])
    }

    @Test(arguments: [
        ("134217728", 134_217_728), (#""128MiB""#, 134_217_728), (#""1GiB""#, 1 << 30), (#""800MB""#, 800_000_000),
        (#""1.5 GiB""#, 3 << 29), (#""2TB""#, 2_000_000_000_000), (#""262144KiB""#, 268_435_456),
        (#""500000kB""#, 500_000_000), (#""134217728B""#, 134_217_728),
    ])
    func memoryTakesUnits(_ text: String, _ bytes: Int) throws {
        #expect(try ManifestFixture.manifest(["limits": "{\"memory\": \(text)}"]).limits.memory == bytes)
    }

    @Test(arguments: [("1", 1), (#""100MB/s""#, 100_000_000), (#""100MiB""#, 104_857_600), (#""1.5kB/s""#, 1500)])
    func bandwidthTakesUnits(_ text: String, _ bytes: Int) throws {
        #expect(try ManifestFixture.manifest(["limits": "{\"bandwidth\": \(text)}"]).limits.bandwidth == bytes)
    }

    @Test(arguments: [
        ("data", "file:///nowhere/job/data"), ("./data/../x.zarr/", "file:///nowhere/job/x.zarr"),
        ("../up", "file:///nowhere/up"), ("/mnt/em data/50%", "file:///mnt/em%20data/50%25"),
        ("/mnt/é", "file:///mnt/%C3%A9"), ("sub/a:b", "file:///nowhere/job/sub/a:b"),
        ("file:///mnt/a%20b", "file:///mnt/a%20b"), ("https://host.org:8443/a/b%2Bc", "https://host.org:8443/a/b%2Bc"),
        ("http://[::1]:80/", "http://[::1]:80/"), ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("s3://abc", "s3://abc"), ("s3://bucket/pre fix/", "s3://bucket/pre fix/"), ("sample:", "sample:"),
    ])
    func sourcesStayAndPathsBecomeURLs(_ given: String, _ source: String) throws {
        #expect(try ManifestFixture.manifest(["source": "\"\(given)\""]).source == source)
    }

    @Test func aByteOrderMarkIsSkipped() throws {
        let bytes = [0xEF, 0xBB, 0xBF] + Array(ManifestFixture.text().utf8)
        let manifest = try Manifest(parsing: bytes, folder: ManifestFixture.folder)
        #expect(try manifest == ManifestFixture.manifest())
    }

    @Test func listsAreFoundBesideTheManifest() throws {
        try ManifestFixture.withFolder { folder in
            try Data("x".utf8).write(to: URL(fileURLWithPath: folder + "/jrc_a_to_download"))
            try FileManager.default.createSymbolicLink(
                atPath: folder + "/linked", withDestinationPath: "jrc_a_to_download")
            let text = ManifestFixture.text(["lists": #"{"jrc_a": "jrc_a_to_download", "jrc_b": "./linked"}"#])
            let manifest = try Manifest(parsing: Array(text.utf8), folder: folder)
            #expect(manifest.lists == ["jrc_a": folder + "/jrc_a_to_download", "jrc_b": folder + "/linked"])
        }
    }

    @Test func theShippedManifestLoads() throws {
        let top = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let manifest = try Manifest.load(path: top.appending(path: "config.json").path)
        #expect(manifest.job == "mito-8nm")
        #expect(manifest.source == "s3://janelia-cosem-datasets")
        #expect(manifest.datasets == ["*"])
        #expect(manifest.select == .groundtruth)
        #expect(manifest.classes == ["mito"])
        #expect(manifest.targetNm == ZYX(repeating: 8))
        #expect(manifest.output == top.appending(path: "out").path)
        let short = #"{"job": "mito-8nm", "source": "s3://janelia-cosem-datasets", "datasets": ["*"]}"#
        #expect(try manifest == Manifest(parsing: Array(short.utf8), folder: top.path))
    }

    @Test(arguments: [
        ("0", 0), ("3600", 3600), ("1.5", 1.5), (#""0""#, 0), (#""90m""#, 5400), (#""1h30m""#, 5400),
        (#""24h""#, 86400),
        (#""1d""#, 86400), (#""3600""#, 3600), (#""10:00""#, 600),
    ])
    func outagesAreLengthsOfTime(text: String, seconds: Double) throws {
        let manifest = try ManifestFixture.manifest(["limits": "{\"outage\": \(text)}"])
        #expect(manifest.limits.outageSeconds == seconds)
    }
}
