import Testing

@testable import Planning

@Suite struct VolumePlannerTests {
    @Test func classesOfN5HaveAnEnding() {
        #expect(VolumePlanner.isWanted("mito_seg", classes: ["mito"], isN5: true))
        #expect(!VolumePlanner.isWanted("mito_seg", classes: ["mito"], isN5: false))
        #expect(!VolumePlanner.isWanted("mito_pred", classes: ["mito"], isN5: true))
        #expect(!VolumePlanner.isWanted("mito_pred", classes: ["*"], isN5: true))
        #expect(VolumePlanner.isWanted("mito_pred", classes: ["mito_pred"], isN5: true))
        #expect(VolumePlanner.classes(of: ["er", "mito_seg"], classes: ["mito"]) == ["er", "mito"])
        #expect(VolumePlanner.classes(of: ["mito", "mito_seg"], classes: ["mito"]) == ["mito", "mito_seg"])
    }
}
