import Foundation
import JSONText
import Testing

extension EndToEnd {
    /// Files that others open as they are: what a job on the sample writes, read by the rules of other people's loaders.
    @Suite struct LoaderTests {
        @Test func loadersReadWhatAJobWrites() async throws {
            let job = try Job(["source": "sample:"])
            let outcome = try await job.run(["run", job.manifest.path])
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            let report = try await Harness.script("loaders.py", [job.out.path])
            #expect(report.hasSuffix(" 0 failed\n") && !report.hasPrefix("0 passed"), "\(report)")
        }
    }
}
