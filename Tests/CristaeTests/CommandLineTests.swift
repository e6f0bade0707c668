import ArgumentParser
import Arrays
import Conversion
import Job
import Manifest
import Planning
import Report
import Scheduling
import Testing

@testable import cristae

/// What the command line takes and refuses.
@Suite struct CommandLineTests {
    private static func run(_ arguments: [String]) throws -> Run {
        try #require(try Cristae.parseAsRoot(arguments) as? Run)
    }

    @Test func runIsTheVerbWhereNoneIsNamed() throws {
        #expect(try Self.run(["config.json"]).options.manifest == "config.json")
        #expect(try Self.run(["run", "config.json"]).options.manifest == "config.json")
    }

    @Test func tasksStagesAndTimesAreRead() throws {
        let run = try Self.run(["run", "c", "--task", "3/16", "--stage", "stat", "--stage", "resize"])
        #expect(run.tasks.share == TaskShare(index: 3, count: 16))
        #expect(run.tasks.stages == [.stat, .resize])
        #expect(try Self.run(["run", "c"]).tasks.stages == Set(Stage.allCases))
        #expect(try Self.run(["run", "c", "--time-budget", "1h30m"]).tasks.budget == TimeBudget(seconds: 5400))
    }

    @Test func flagsOverrideTheManifest() throws {
        let plain = try Self.run(["c"]).options.overrides
        #expect(plain.source == nil && plain.output == nil && plain.only == nil)
        let given = try Self.run(["c", "--source", "sample:", "--only", "a", "--only", "b*"]).options.overrides
        #expect(given.source == "sample:" && given.only == ["a", "b*"])
    }

    @Test(arguments: [
        ["run"], ["run", "c", "--task", "17/16"], ["run", "c", "--task", "x"], ["run", "c", "--stage", "all"],
        ["run", "c", "--time-budget", "0"], ["run", "c", "--nothing"], ["run", "c", "--log-format", "xml"],
        ["convert", "in", "s3://out"], ["convert", "in", "out/"], ["convert", "s3://", "out"],
        ["convert", "in", "out", "--level", "0"], ["convert", "in", "out", "--level", "10"],
        ["convert", "in", "out", "--compression", "none", "--level", "1"],
        ["convert", "in", "out", "--memory", "127MiB"], ["convert", "in", "out", "--compression", "lzma"],
        ["stat", "in", "--memory", "1MiB"], ["stat", "in", "--voxel-size", "0"],
        ["resize", "in", "out"], ["resize", "in", "out", "--target", "-8"],
        ["resize", "in", "out", "--target", "8", "--tolerance", "1"],
        ["resize", "in", "out", "--target", "8", "--max-upsampling", "0.5"],
    ])
    func wrongUsesAreRefused(arguments: [String]) {
        let error = #expect(throws: (any Error).self) { try Cristae.parseAsRoot(arguments) }
        #expect(error.map { Cristae.exitCode(for: $0).rawValue } == 64)
        #expect(error.map { Cristae.message(for: $0).isEmpty } == false)
    }

    @Test(arguments: [
        ["convert", "in", "out", "--compression", "zstd", "--level", "22"], ["convert", "sample:", "out"],
        ["convert", "in", "out", "--memory", "128MiB"], ["stat", "a", "b", "--voxel-size", "4,8,8"],
        ["resize", "in", "out", "--target", "8", "--tolerance", "0"], ["status", "c", "--json"],
        ["verify", "c", "--repair"], ["prune", "c", "--delete"], ["schema"], ["diff", "a", "b"], ["plan", "-"],
    ])
    func rightUsesAreTaken(arguments: [String]) throws {
        let command = try Cristae.parseAsRoot(arguments)
        #expect(type(of: command).configuration.commandName ?? "\(type(of: command))".lowercased() == arguments[0])
    }

    @Test func eachVerbSaysWhatItDoes() {
        for verb in Cristae.configuration.subcommands {
            #expect(verb.configuration.abstract.contains("."), "\(verb)")
        }
    }

    @Test func linesAreJSONWhereThatIsAskedFor() {
        #expect(LogFormat.json.isJSON)
        #expect(!LogFormat.text.isJSON)
    }
}
