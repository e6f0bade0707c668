import Foundation
import Testing

@testable import Manifest

/// A manifest with one thing wrong: the raw JSON of a key, the path that must be told, and a piece of the message.
struct ManifestFault: Sendable, CustomTestStringConvertible {
    let key: String
    let json: String
    let path: String
    let message: String

    init(_ key: String, _ json: String, _ path: String, _ message: String) {
        self.key = key
        self.json = json
        self.path = path
        self.message = message
    }

    var testDescription: String { "\(key): \(json.prefix(60))" }
}

@Suite struct ManifestFaultTests {
    static let unknownKeys: [ManifestFault] = [
        .init("target_mm", "8", "$.target_mm", #"unknown key; did you mean "target_nm"?"#),
        .init("Target-NM", "8", "$[\"Target-NM\"]", #"did you mean "target_nm"?"#),
        .init("dataset", "[]", "$.dataset", #"did you mean "datasets"?"#),
        .init("xyzzy_plugh", "1", "$.xyzzy_plugh", #"unknown key, expected "anonymous", "classes", "#),
        .init("limits", #"{"conections": 1}"#, "$.limits.conections", #"did you mean "connections"?"#),
        .init("convert", #"{"keep_pack": true}"#, "$.convert.keep_pack", #"did you mean "keep_packs"?"#),
        .init("resize", #"{"max_upsamplng": 2}"#, "$.resize.max_upsamplng", #"did you mean "max_upsampling"?"#),
        .init("derive", #"{"er": {"form": "all", "ids": [1]}}"#, "$.derive.er.form", #"did you mean "from"?"#),
        .init("grids", #"[{"voxel_size": [1, 1, 1]}]"#, "$.grids[0].voxel_size", "unknown key"),
        .init("regions", #"[{"shape": [1, 1, 1]}]"#, "$.regions[0].shape", "unknown key"),
    ]

    static let names: [ManifestFault] = [
        .init("job", "7", "$.job", "found 7, expected a job name"),
        .init("job", "null", "$.job", "found null"),
        .init("job", #""""#, "$.job", "not empty"),
        .init("job", #""..""#, "$.job", "not a way through folders"),
        .init("job", #""a/b""#, "$.job", #"without "/""#),
        .init("job", #""a\\b""#, "$.job", #"without "\""#),
        .init("job", #""mito*""#, "$.job", "without wildcards"),
        .init("datasets", #""jrc_a""#, "$.datasets", "an array of dataset names"),
        .init("datasets", "[]", "$.datasets", "found an empty array"),
        .init("datasets", #"["a", "b", 3]"#, "$.datasets[2]", "found 3"),
        .init("datasets", #"["a", "b", "a"]"#, "$.datasets[2]", #"found "a" again, expected each element once"#),
        .init("datasets", #"["a", ""]"#, "$.datasets[1]", "not empty"),
        .init("datasets", #"["a", ".."]"#, "$.datasets[1]", "not a way through folders"),
        .init("datasets", #"["../etc"]"#, "$.datasets[0]", #"without "/""#),
        .init("datasets", #"["a\u0000b"]"#, "$.datasets[0]", #"found "a\u{0}b", expected"#),
        .init("datasets", #"["a\u202eb"]"#, "$.datasets[0]", #""a\u{202e}b""#),
        .init("datasets", #"[" a"]"#, "$.datasets[0]", "without blanks around it"),
        .init("datasets", #"["jrc_[a"]"#, "$.datasets[0]", #"which has a "[" without its "]""#),
        .init("datasets", "[\"\(String(repeating: "x", count: 201))\"]", "$.datasets[0]", "(201 bytes)"),
        .init("only", #""crop_1""#, "$.only", "an array of item names"),
        .init("only", #"["crop_1", ""]"#, "$.only[1]", "not empty"),
        .init("only", #"["crop_[z-a]"]"#, "$.only[0]", "runs backwards"),
        .init("classes", "[]", "$.classes", "not empty"),
        .init("classes", #"["mito", "*"]"#, "$.classes[1]", #""*" alone"#),
        .init("classes", #"["mito*"]"#, "$.classes[0]", "without wildcards"),
        .init("classes", #"["mito", "mito"]"#, "$.classes[1]", "again"),
        .init("classes", #"["a/b"]"#, "$.classes[0]", #"without "/""#),
        .init("classes", #"[true]"#, "$.classes[0]", "found true"),
    ]

    static let words: [ManifestFault] = [
        .init("select", #""groundtruht""#, "$.select", #"did you mean "groundtruth"?"#),
        .init("select", "1", "$.select", #"found 1, expected "groundtruth", "inference" or "all""#),
        .init("mode", #""crop""#, "$.mode", #"did you mean "crops"?"#),
        .init("levels", #""Finest""#, "$.levels", #"did you mean "finest"?"#),
        .init("anonymous", #""yes""#, "$.anonymous", #"found "yes", expected true or false"#),
        .init("convert", "[]", "$.convert", "found an empty array, expected an object"),
        .init("convert", "null", "$.convert", "found null, expected an object"),
        .init("convert", #"{"compression": "gz"}"#, "$.convert.compression", #""zstd""#),
        .init("convert", #"{"keep_packs": 1}"#, "$.convert.keep_packs", "expected true or false"),
        .init("resize", #"{"raw": "mean"}"#, "$.resize.raw", #"expected "area""#),
        .init("resize", #"{"labels": "mode"}"#, "$.resize.labels", #"expected "majority""#),
        .init("resize", #"{"grid": "power-of-two"}"#, "$.resize.grid", #"did you mean "power_of_two"?"#),
    ]

    static let numbers: [ManifestFault] = [
        .init("target_nm", "-8", "$.target_nm", "found -8, expected a positive number or [z, y, x] in nm"),
        .init("target_nm", "0", "$.target_nm", "found 0, expected a positive number"),
        .init("target_nm", #""8nm""#, "$.target_nm", #"found "8nm", expected a positive number"#),
        .init("target_nm", "true", "$.target_nm", "found true"),
        .init("target_nm", "1e999", "$.target_nm", "found inf"),
        .init("target_nm", "1e-9", "$.target_nm", "from 0.01 to 1000000"),
        .init("target_nm", "[8, 8]", "$.target_nm", "found an array of 2"),
        .init("target_nm", "[8, -8, 8]", "$.target_nm[1]", "found -8, expected a positive number in nm"),
        .init("target_nm", "[8, 8, null]", "$.target_nm[2]", "found null"),
        .init("tolerance", "1", "$.tolerance", "at least 0 and below 1"),
        .init("tolerance", "-0.1", "$.tolerance", "found -0.1"),
        .init("padding_nm", "-1", "$.padding_nm", "from 0 to 1000000"),
        .init("padding_nm", "1e300", "$.padding_nm", "found 1e+300"),
        .init("resize", #"{"max_upsampling": 0.5}"#, "$.resize.max_upsampling", "from 1 to 1000"),
        .init("limits", "7", "$.limits", "found 7, expected an object"),
        .init("limits", #"{"connections": 0}"#, "$.limits.connections", "from 1 to 1024"),
        .init("limits", #"{"connections": 1025}"#, "$.limits.connections", "found 1025"),
        .init("limits", #"{"connections": 6.5}"#, "$.limits.connections", "found 6.5, expected a whole number"),
        .init("limits", #"{"connections": "64"}"#, "$.limits.connections", #"found "64""#),
        .init("limits", #"{"memory": "127MiB"}"#, "$.limits.memory", "at least 128 MiB"),
        .init("limits", #"{"memory": "1 gig"}"#, "$.limits.memory", #"found "1 gig""#),
        .init("limits", #"{"memory": "99999999999GiB"}"#, "$.limits.memory", "found"),
        .init("limits", #"{"memory": "1GiB/s"}"#, "$.limits.memory", "found"),
        .init("limits", #"{"memory": "1..5GiB"}"#, "$.limits.memory", "found"),
        .init("limits", #"{"memory": null}"#, "$.limits.memory", "found null"),
        .init("limits", #"{"memory": 18446744073709551615}"#, "$.limits.memory", "found 18446744073709551615"),
        .init("limits", #"{"bandwidth": 0}"#, "$.limits.bandwidth", "bytes per second"),
        .init("limits", #"{"bandwidth": "-1MB/s"}"#, "$.limits.bandwidth", #"found "-1MB/s""#),
        .init("limits", #"{"max_attempts": 101}"#, "$.limits.max_attempts", "from 1 to 100"),
        .init("limits", #"{"outage": "25h"}"#, "$.limits.outage", "0 s to 24 h"),
        .init("limits", #"{"outage": -1}"#, "$.limits.outage", "found -1"),
        .init("limits", #"{"outage": "soon"}"#, "$.limits.outage", #"found "soon""#),
        .init("limits", #"{"outage": null}"#, "$.limits.outage", "found null"),
        .init("limits", #"{"claim_seconds": 1}"#, "$.limits.claim_seconds", "from 2 to 86400"),
    ]

    static let containers: [ManifestFault] = [
        .init("grids", "{}", "$.grids", "an array of grids"),
        .init("grids", "[3]", "$.grids[0]", "found 3, expected an object"),
        .init(
            "grids", #"[{"dataset": "jrc_a", "voxel_size_nm": 4, "translation_nm": [0, 0, 0]}]"#, "$.grids[0].path",
            "the path of an array"),
        .init(
            "grids", #"[{"dataset": "jrc_a", "path": "/raw", "voxel_size_nm": 4, "translation_nm": [0, 0, 0]}]"#,
            "$.grids[0].path", "below its container"),
        .init(
            "grids", #"[{"dataset": "jrc_a", "path": "a/../b", "voxel_size_nm": 4, "translation_nm": [0, 0, 0]}]"#,
            "$.grids[0].path", "below its container"),
        .init(
            "grids", #"[{"dataset": "jrc_a", "path": "raw", "voxel_size_nm": [4, 4], "translation_nm": [0, 0, 0]}]"#,
            "$.grids[0].voxel_size_nm", "[z, y, x]"),
        .init(
            "grids", #"[{"dataset": "jrc_a", "path": "raw", "voxel_size_nm": 0, "translation_nm": [0, 0, 0]}]"#,
            "$.grids[0].voxel_size_nm", "found 0"),
        .init(
            "grids", #"[{"dataset": "jrc_a", "path": "raw", "voxel_size_nm": 4, "translation_nm": [0, 0, 1e12]}]"#,
            "$.grids[0].translation_nm[2]", "1000000000"),
        .init(
            "grids", #"[{"dataset": "jrc_a", "path": "raw", "voxel_size_nm": 4}]"#, "$.grids[0].translation_nm",
            "three numbers"),
        .init(
            "grids",
            #"[{"dataset": "jrc_a", "path": "raw", "class": "*", "voxel_size_nm": 4, "translation_nm": [0, 0, 0]}]"#,
            "$.grids[0].class", "without wildcards"),
        .init(
            "grids", #"[{"dataset": "jrc_c", "path": "raw", "voxel_size_nm": 4, "translation_nm": [0, 0, 0]}]"#,
            "$.grids[0].dataset", #"a dataset that "datasets" names"#),
        .init(
            "grids",
            #"[{"dataset": "jrc_a", "path": "raw", "voxel_size_nm": 4, "translation_nm": [0, 0, 0]}, "#
                + #"{"dataset": "jrc_a", "path": "raw", "voxel_size_nm": 8, "translation_nm": [0, 0, 0]}]"#,
            "$.grids[1].path", "the array of [0] again"),
        .init("regions", "{}", "$.regions", "an array of regions"),
        .init("regions", "[3]", "$.regions[0]", "found 3, expected an object"),
        .init(
            "regions", #"[{"offset_nm": [0, 0, 0], "shape_nm": [1, 1, 1]}]"#, "$.regions[0].dataset", "found nothing"),
        .init("regions", #"[{"dataset": "jrc_a", "offset_nm": [0, 0, 0]}]"#, "$.regions[0].shape_nm", "required"),
        .init(
            "regions", #"[{"dataset": "jrc_a", "offset_nm": [0, 0, 0], "shape_nm": [1, 0, 1]}]"#,
            "$.regions[0].shape_nm[1]", "found 0, expected three positive numbers"),
        .init(
            "regions", #"[{"dataset": "jrc_a", "offset_nm": [0, 0, 1e12], "shape_nm": [1, 1, 1]}]"#,
            "$.regions[0].offset_nm[2]", "1000000000"),
        .init(
            "regions", #"[{"dataset": "jrc_*", "offset_nm": [0, 0, 0], "shape_nm": [1, 1, 1]}]"#,
            "$.regions[0].dataset", "without wildcards"),
        .init(
            "regions", #"[{"dataset": "jrc_c", "offset_nm": [0, 0, 0], "shape_nm": [1, 1, 1]}]"#,
            "$.regions[0].dataset", #"a dataset that "datasets" names"#),
        .init(
            "regions",
            #"[{"dataset": "jrc_a", "offset_nm": [0, 0, 0], "shape_nm": [1, 1, 1]}, {"dataset": "jrc_a", "offset_nm": [0.0, 0, 0], "shape_nm": [1, 1, 1]}]"#,
            "$.regions[1]", "the region of [0] again"),
        .init("derive", "[]", "$.derive", "an object of class names and rules"),
        .init("derive", "null", "$.derive", "found null"),
        .init("derive", #"{"mito": "all"}"#, "$.derive.mito", #"found "all", expected an object"#),
        .init("derive", #"{"a/b": {"from": "all", "ids": [1]}}"#, #"$.derive["a/b"]"#, #"without "/""#),
        .init("derive", #"{"mito": {"ids": [1]}}"#, "$.derive.mito.from", "found nothing"),
        .init("derive", #"{"mito": {"from": "mito", "ids": [1]}}"#, "$.derive.mito.from", "another class"),
        .init("derive", #"{"mito": {"from": "all"}}"#, "$.derive.mito.ids", "found nothing"),
        .init("derive", #"{"mito": {"from": "all", "ids": []}}"#, "$.derive.mito.ids", "not empty"),
        .init("derive", #"{"mito": {"from": "all", "ids": [3, -4]}}"#, "$.derive.mito.ids[1]", "found -4"),
        .init("derive", #"{"mito": {"from": "all", "ids": [3, 3.5]}}"#, "$.derive.mito.ids[1]", "found 3.5"),
        .init("derive", #"{"mito": {"from": "all", "ids": [3, 3.0]}}"#, "$.derive.mito.ids[1]", "again"),
        .init("derive", #"{"mito": {"from": "all", "ids": [1e30]}}"#, "$.derive.mito.ids[0]", "whole number"),
        .init(
            "derive", #"{"mito": {"from": "all", "ids": [1], "instances": 0}}"#, "$.derive.mito.instances", "found 0"),
        .init("lists", "[]", "$.lists", "an object of dataset names and paths"),
        .init("lists", #"{"jrc_a": 1}"#, "$.lists.jrc_a", "found 1"),
        .init("lists", #"{"jrc_a": "not/there"}"#, "$.lists.jrc_a", "a file that exists"),
        .init("lists", #"{"jrc_a": "/tmp"}"#, "$.lists.jrc_a", "a file that exists"),
        .init("lists", #"{"..": "/etc/passwd"}"#, #"$.lists[".."]"#, "not a way through folders"),
        .init("lists", #"{"jrc_c": "/etc/passwd"}"#, "$.lists.jrc_c", #"a dataset that "datasets" names"#),
    ]

    static let addresses: [ManifestFault] = [
        .init("source", "3", "$.source", "found 3, expected a store URL"),
        .init("source", #""""#, "$.source", "expected a store URL"),
        .init("source", #""gs://bucket/x""#, "$.source", #"found "gs://bucket/x", expected a store URL (s3:"#),
        .init("source", #""htps://host/x""#, "$.source", #"did you mean "https"?"#),
        .init("source", #""S3://bucket""#, "$.source", #"did you mean "s3"?"#),
        .init("source", #""s3://Bucket""#, "$.source", "lower-case letters"),
        .init("source", #""s3://ab""#, "$.source", "3 to 63 characters"),
        .init("source", #""s3://a..b""#, "$.source", "3 to 63 characters"),
        .init("source", #""s3://-abc/x""#, "$.source", "3 to 63 characters"),
        .init("source", #""s3://192.168.0.1/x""#, "$.source", "3 to 63 characters"),
        .init("source", #""s3:bucket""#, "$.source", "s3://bucket/prefix"),
        .init("source", #""s3://bucket/a/../b""#, "$.source", #"without "." and "..""#),
        .init("source", #""https:///x""#, "$.source", "with a host name"),
        .init("source", #""https://ho st/x""#, "$.source", "with a host name"),
        .init("source", #""https://host:0/x""#, "$.source", "a port from 1 to 65535"),
        .init("source", #""https://host:99999/x""#, "$.source", "a port from 1 to 65535"),
        .init("source", #""https://host/a b""#, "$.source", "percent-encoded"),
        .init("source", #""https://host/a%2""#, "$.source", "percent-encoded"),
        .init("source", #""https://host/x#y""#, "$.source", "with a fragment"),
        .init("source", #""file://host/x""#, "$.source", "file:/// and an absolute path"),
        .init("source", #""file:data""#, "$.source", "file:/// and an absolute path"),
        .init("source", #""file:///a%zz""#, "$.source", "%25"),
        .init("source", #""sample:x""#, "$.source", #""sample:" with nothing after it"#),
        .init("source", #""~/data""#, "$.source", "not expanded"),
        .init("endpoint", "7", "$.endpoint", "http(s)://host[:port][/path]"),
        .init("endpoint", #""localhost:9000""#, "$.endpoint", "http(s)://host[:port][/path]"),
        .init("endpoint", #""ftp://host""#, "$.endpoint", "http(s)://host[:port][/path]"),
        .init("endpoint", #""http://host:x""#, "$.endpoint", "a port from 1 to 65535"),
        .init("endpoint", #""http://host/?x""#, "$.endpoint", "with a query"),
    ]

    static let folders: [ManifestFault] = [
        .init("output", "1", "$.output", "found 1, expected the path of a folder"),
        .init("output", #""""#, "$.output", "the path of a folder"),
        .init("output", #""a\nb""#, "$.output", "without control characters"),
        .init("output", #""$SCRATCH/out""#, "$.output", "not expanded"),
        .init("output", #""s3://bucket/out""#, "$.output", "not a URL"),
        .init("output", #""state""#, "$.state", "which is the output, expected two folders side by side"),
        .init("output", #"".""#, "$.state", "which lies inside the output"),
        .init("output", #""state/out""#, "$.state", "which contains the output"),
        .init("state", #""out/state""#, "$.state", "must not lie among the results"),
        .init("state", #""/""#, "$.state", "which contains the output"),
        .init("source", #"".""#, "$.output", "which lies inside the source"),
        .init("source", #""file:///nowhere/job/o%75t""#, "$.output", "which is the source"),
        .init("source", #""out/data""#, "$.output", "which contains the source"),
        .init("source", #""state/packs""#, "$.state", "which contains the source"),
    ]

    @Test(arguments: [unknownKeys, names, words, numbers, containers, addresses, folders].flatMap(\.self))
    func aFaultIsToldWithItsPath(_ fault: ManifestFault) throws {
        let error = try ManifestFixture.fault(of: ManifestFixture.text([fault.key: fault.json]))
        #expect(error.path == fault.path)
        #expect(error.description.hasPrefix("config.json: \(fault.path): "))
        #expect(error.description.contains(fault.message), "\(error)")
        #expect(error.description.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }, "\(error)")
    }

    @Test(arguments: ["source", "datasets"])
    func aRequiredKeyIsMissed(_ key: String) throws {
        let given = key == "source" ? #"{"datasets": ["a"]}"# : #"{"source": "sample:"}"#
        let error = try ManifestFixture.fault(of: given)
        #expect(error.path == "$.\(key)")
        #expect(error.found == "nothing")
        #expect(error.expected.hasSuffix("(the key is required)"))
    }

    @Test func theWholeLineIsAsDocumented() throws {
        let unknown = try ManifestFixture.fault(of: ManifestFixture.text(["target_mm": "8"]))
        #expect("\(unknown)" == #"config.json: $.target_mm: unknown key; did you mean "target_nm"?"#)
        #expect(unknown.suggestion == "target_nm")
        let bad = try ManifestFixture.fault(of: ManifestFixture.text(["target_nm": "-8"]))
        #expect("\(bad)" == "config.json: $.target_nm: found -8, expected a positive number or [z, y, x] in nm")
        #expect(bad.found == "-8")
        #expect(bad.suggestion == nil)
    }

    @Test func unknownKeysComeFirstAndThenTheOrderOfPaths() throws {
        let all = [
            "anonymous": "3", "datasets": "[3]", "limits": #"{"zzz": 1, "memory": 1}"#,
            "derive": #"{"mito": {"from": 1, "idz": []}}"#,
        ]
        #expect(try ManifestFixture.fault(of: ManifestFixture.text(all)).path == "$.derive.mito.idz")
        #expect(
            try ManifestFixture.fault(of: ManifestFixture.text(all.merging(["derive": "{}"]) { $1 })).path
                == "$.limits.zzz")
        #expect(
            try ManifestFixture.fault(of: ManifestFixture.text(["anonymous": "3", "datasets": "[3]"])).path
                == "$.anonymous")
    }

    @Test func elementsAreOrderedByNumber() throws {
        let good = #"{"dataset": "jrc_a", "offset_nm": [0, 0, 0], "shape_nm": [1, 1, NUMBER]}"#
        let regions = (1...12).map { number in
            number == 3 || number == 11 ? "{\"dataset\": \(number)}" : good.replacing("NUMBER", with: "\(number)")
        }
        let text = ManifestFixture.text(["regions": "[\(regions.joined(separator: ", "))]"])
        #expect(try ManifestFixture.fault(of: text).path == "$.regions[2].dataset")
    }

    @Test func componentsOfVolumesAreRefused() throws {
        let rule = #"{"mito": {"from": "all", "ids": [3], "instances": true}}"#
        let fault = try ManifestFixture.fault(of: ManifestFixture.text(["mode": #""volumes""#, "derive": rule]))
        #expect(fault.path == "$.derive.mito.instances")
        #expect(try ManifestFixture.manifest(["mode": #""volumes""#]).derive == [:])
        #expect(try ManifestFixture.manifest(["derive": rule]).derive.count == 1)
    }

    @Test func longValuesAreCut() throws {
        let long = String(repeating: "é", count: 500)
        let error = try ManifestFixture.fault(of: ManifestFixture.text(["select": "\"\(long)\""]))
        #expect(error.found == "\"\(String(repeating: "é", count: 60))…\"")
        let key = try ManifestFixture.fault(of: ManifestFixture.text([long: "1"]))
        #expect(key.path == "$[\"\(String(repeating: "é", count: 60))…\"]")
    }

    @Test(arguments: [
        ["aws_secret_access_key": #""wJalrXUtnFEMI""#], ["password": #""wJalrXUtnFEMI""#],
        ["limits": #"{"token": ["wJalrXUtnFEMI"]}"#],
        ["source": #""https://user:wJalrXUtnFEMI@host/x""#], ["source": #""s3://AKIA:wJalrXUtnFEMI@bucket""#],
        ["source": #""s3://AKIA:wJalrXUtnFEMI/x/y@bucket""#], ["source": #""s3:AKIA:wJalrXUtnFEMI@bucket""#],
        ["source": #""https:/user:wJalrXUtnFEMI@host""#], ["source": #""wJalrXUtnFEMI:x@host""#],
        ["source": #""https://host/x?X-Amz-Signature=wJalrXUtnFEMI""#],
        ["endpoint": #""http://user:wJalrXUtnFEMI@host:9000""#], ["endpoint": #""user:wJalrXUtnFEMI@host""#],
        ["endpoint": #""http://host/?token=wJalrXUtnFEMI""#],
    ])
    func credentialsAreNeverShown(_ members: [String: String]) throws {
        let error = try ManifestFixture.fault(of: ManifestFixture.text(members))
        #expect(!"\(error)".contains("wJalr"))
        #expect(!"\(error)".contains("AKIA"))
    }

    @Test func linksDoNotHideThatFoldersMeet() throws {
        try ManifestFixture.withFolder { folder in
            try FileManager.default.createDirectory(atPath: folder + "/state", withIntermediateDirectories: false)
            try FileManager.default.createSymbolicLink(atPath: folder + "/out", withDestinationPath: "state")
            let error = #expect(throws: ManifestError.self) {
                try Manifest(parsing: Array(ManifestFixture.text().utf8), folder: folder)
            }
            #expect(error?.path == "$.state")
            #expect(error?.found.contains("which is the output") == true)
        }
    }
}
