import Foundation
import Glibc
import Testing

/// The scenarios of `Tests/Cluster`: a real Slurm, containers, disks that are full, read-only or fail, cron. They mount file systems and
/// start daemons, so they need root; what they need installed, `Tests/run.sh` installs.
///
/// Two rows side by side: what mostly waits, and what mostly computes.
@Suite(.enabled(if: getuid() == 0, "needs root: mounts, Slurm's daemons, containers"), .timeLimit(.minutes(30)))
enum ClusterTests {
    @Suite(.serialized) struct Waiting {
        @Test(arguments: ["slurm_limit", "slurm_array"])
        func scenario(_ name: String) async throws { try await run(name, atMost: 900) }
    }

    @Suite(.serialized) struct Computing {
        @Test(arguments: ["batch_scripts", "cron", "disk", "container"])
        func scenario(_ name: String) async throws { try await run(name, atMost: 1700) }
    }

    /// Runs one scenario. It says itself, in one paragraph, what did not come out as it must.
    private static func run(_ name: String, atMost seconds: Double) async throws {
        let folder = try Harness.newFolder(name)
        let script = Harness.packageRoot.appending(path: "Tests/Cluster/\(name).py")
        var environment = ["PYTHONDONTWRITEBYTECODE": "1", "CRISTAE_BINARY": try Harness.binary().path]
        for name in ["PATH", "CRISTAE_KEEP", "CRISTAE_CONTAINER_STORE", "CRISTAE_CONTAINER_CONFIGURATION"] {
            environment[name] = ProcessInfo.processInfo.environment[name]
        }
        let process = try ChildProcess(
            Harness.python(), [script.path], environment: environment, in: folder, name: name)
        let outcome = try await process.wait(atMost: seconds)
        print(outcome.output, terminator: "")
        #expect(outcome.exitCode == 0, "\(outcome.output.suffix(12000)) \(outcome.errors.suffix(3000))")
    }
}
