import Foundation
import JSONText
import Testing

extension EndToEnd {
    /// Crops that are easy to get wrong: off the coarse grid, too coarse, annotated in part or not at all, with an object 255, overlapping.
    @Suite struct AwkwardTests {
        private static let replica = Task { try await Replica(options: ["--small", "--awkward"]) }

        @Test(arguments: [2, 4])
        func everyVoxelMeansWhatItsFileSays(maxUpsampling: Int) async throws {
            let replica = try await Self.replica.value
            let server = try await S3Server(root: replica.folder)
            let job = try Job(["resize": ["max_upsampling": .integer(maxUpsampling)]])
            let outcome = try await job.run(against: server)
            #expect(outcome.exitCode == 0, "\(outcome.summary)")
            let complaints = try await job.complaints(
                about: replica, ["--max-upsampling", "\(maxUpsampling)", "--classes", "mito"])
            #expect(complaints == [])

            // Each crop that is left out is told of once.
            let left =
                maxUpsampling == 2
                ? ["crop_176", "crop_801", "crop_802", "crop_803"] : ["crop_176", "crop_802", "crop_803"]
            for name in left {
                #expect(outcome.errors.components(separatedBy: "\(name): left out").count == 2, "\(outcome.summary)")
            }
            // No raw data are fetched for a crop whose labels say that nobody has annotated it: it lies alone in its raw chunks.
            let keys = try server.log().wholeChunks.keys
            #expect(keys.contains { $0.contains("/crop803/all/") })
            #expect(!keys.contains { $0.hasSuffix("/em/fibsem-uint8/s0/303/175/103") })
            #expect(keys.contains { $0.hasSuffix("/em/fibsem-uint8/s0/306/175/103") })

            let requests = try server.log().entries.count
            let tree = try job.tree()
            let again = try await job.run(against: server)
            #expect(again.exitCode == 0, "\(again.summary)")
            #expect(try server.log(skipping: requests).entries.map(\.key) == [])
            #expect(try job.tree().differences(from: tree) == [])
            let status = try await job.run(["status", job.manifest.path, "--json"])
            let stages = try JSONValue(parsing: Array(status.output.utf8))["stages"]
            #expect(stages?["resize"]?["left_out"]?.integer == left.count, "\(status.summary)")
        }
    }
}
