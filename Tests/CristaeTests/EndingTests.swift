import ArgumentParser
import Arrays
import Conversion
import Job
import Manifest
import Planning
import Report
import Scheduling
import Summaries
import TestSupport
import Testing

@testable import cristae

/// Which exit code an error ends a verb with.
@Suite struct EndingTests {
    private struct Other: Error {}

    private static func code(_ body: () async throws -> Int32) async throws -> Int32 {
        do {
            try await Ending.of(body)
            return 0
        } catch let code as ExitCode {
            return code.rawValue
        }
    }

    @Test(
        arguments: [
            (JobError.cannotWrite("out"), 74), (.locked("out"), 75), (.stopped, 75), (.unreachable("store"), 75),
            (.badManifest("$"), 78),
        ] as [(JobError, Int32)])
    func errorsOfAJobHaveTheirCodes(error: JobError, code: Int32) async throws {
        #expect(try await Self.code { throw error } == code)
    }

    @Test func otherErrorsEndWithOne() async throws {
        #expect(try await Self.code { throw Other() } == 1)
    }

    @Test(arguments: [0, 1, 64] as [Int32]) func theCodeOfAVerbIsKept(code: Int32) async throws {
        #expect(try await Self.code { code } == code)
    }

    /// The command line's own errors are told by the parser, with the usage.
    @Test func errorsOfTheCommandLinePass() async throws {
        await #expect(throws: ValidationError.self) { try await Ending.of { throw ValidationError("x") } }
        await #expect(throws: ExitCode(3)) { try await Ending.of { throw ExitCode(3) } }
    }

    /// A fault of the manifest is another one than a fault of a flag.
    @Test func faultsOfManifestsAndFlagsDiffer() async throws {
        let scratch = Scratch()
        try scratch.write(Array(#"{"source": "sample:", "datasets": ["*"], "target_nm": -1}"#.utf8), to: "bad.json")
        try scratch.write(Array(#"{"source": "sample:", "datasets": ["*"]}"#.utf8), to: "good.json")
        func code(_ arguments: [String]) async throws -> Int32 {
            let options = try ManifestOptions.parse(arguments)
            return try await Self.code {
                _ = try options.load()
                return 0
            }
        }
        #expect(try await code([scratch.file("good.json")]) == 0)
        #expect(try await code([scratch.file("bad.json")]) == 78)
        #expect(try await code([scratch.file("none.json")]) == 78)
        #expect(try await code([scratch.file("good.json"), "--only", ""]) == 64)
    }

    @Test func aProvenanceThatCannotBeReadIsABadInput() async throws {
        #expect(
            try await Self.code {
                _ = try ProvenanceFile(at: "/nowhere/provenance.json"); return 0
            } == 78)
    }
}
