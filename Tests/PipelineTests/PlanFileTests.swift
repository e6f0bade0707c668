import Ledger
import Stores
import Testing

@testable import Pipeline

/// The plan of a dataset as several processes see it.
@Suite struct PlanFileTests {
    /// Two tasks may plan a dataset one after the other, while a third has read the first one's index.
    @Test func planMadeAnewMeanwhileStillHasItsItems() async throws {
        let job = try SmallJob()
        let recon = "ds/ds.zarr/recon-1"
        try job.image(
            "\(recon)/em/fibsem-uint8",
            [SmallJob.Level(voxel: [8, 8, 8], translation: [0, 0, 0], shape: [4, 4, 4])])
        for crop in [5, 6] {
            try job.image(
                "\(recon)/labels/groundtruth/crop\(crop)/mito",
                [SmallJob.Level(voxel: [8, 8, 8], translation: [8, 8, 8], shape: [2, 2, 2])])
        }
        #expect(try await job.run().items == 2)
        let state = try ConfinedFolder(creating: "\(job.folder)/state")
        let first = try #require(try PlanFile(of: "ds", in: state))
        var plan = first.plan
        plan.items = try first.items.map { try PlanFile.item($0, in: state) }
        let second = try PlanFile.encode(
            plan, fingerprint: first.fingerprint, owner: "somebody else, with a longer name than the first",
            store: StoreURL(first.source))
        try state.write(second, to: PlanFile.path(of: "ds"))
        for (entry, item) in zip(first.items, plan.items) {
            #expect(try PlanFile.item(entry, in: state) == item)
        }

        // An item that is planned otherwise now is another item.
        plan.items.removeLast()
        let third = try PlanFile.encode(
            plan, fingerprint: first.fingerprint, owner: "a third", store: StoreURL(first.source))
        try state.write(third, to: PlanFile.path(of: "ds"))
        #expect(try PlanFile.item(first.items[0], in: state) == plan.items[0])
        #expect(throws: PlanChange.self) { try PlanFile.item(first.items[1], in: state) }
    }
}
