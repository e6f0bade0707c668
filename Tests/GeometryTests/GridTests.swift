import Geometry
import Testing

@Suite struct GridTests {
    @Test func edgesAreHalfAVoxelBeforeTheCentres() {
        let grid = Grid(shape: ZYX(10, 20, 30), voxelSize: ZYX(5.24, 4, 4), translation: ZYX(0, 2, 4))
        #expect(grid.edge == ZYX(-2.62, 0, 2))
        #expect(grid.extent == ZYX(52.400000000000006, 80, 120))
        let inner = grid.cropped(to: Box(start: ZYX(1, 2, 3), stop: ZYX(4, 5, 6)))
        #expect(inner.shape == ZYX(3, 3, 3))
        #expect(inner.translation == ZYX(5.24, 10, 16))
    }

    @Test func aBoxOffTheGridIsTakenOutwards() throws {
        let raw = Grid(shape: ZYX(repeating: 100), voxelSize: ZYX(repeating: 8), translation: ZYX(repeating: 0))
        let labels = Grid(shape: ZYX(repeating: 10), voxelSize: ZYX(repeating: 8), edge: ZYX(4.0 + 3, 4 + 0.1, 4 - 3))
        let placement = try Placement(of: labels, in: raw)
        #expect(!placement.isExact)
        #expect(placement.box == Box(start: ZYX(1, 1, 0), stop: ZYX(12, 11, 11)))
    }

    @Test func floatNoiseDoesNotLoseAVoxel() throws {
        let raw = Grid(shape: ZYX(repeating: 6368), voxelSize: ZYX(5.24, 4, 4), translation: ZYX(repeating: 0))
        let labels = Grid(
            shape: ZYX(200, 1000, 1000), voxelSize: ZYX(2.62, 2, 2),
            translation: ZYX(3132.2099999999996, 898.9999999999999, 25863.000000000004))
        let box = try Placement(of: labels, in: raw).box
        #expect(box == Box(start: ZYX(598, 225, 6466), stop: ZYX(698, 725, 6966)))
    }

    @Test(arguments: [
        Grid(shape: ZYX(1, 1, 1), voxelSize: ZYX(0, 1, 1), translation: ZYX(0, 0, 0)),
        Grid(shape: ZYX(1, 1, 1), voxelSize: ZYX(1, -4, 1), translation: ZYX(0, 0, 0)),
        Grid(shape: ZYX(1, 1, 1), voxelSize: ZYX(1, .nan, 1), translation: ZYX(0, 0, 0)),
        Grid(shape: ZYX(1, 1, 1), voxelSize: ZYX(1, 1, 1), translation: ZYX(0, 0, .infinity)),
        Grid(shape: ZYX(1, -1, 1), voxelSize: ZYX(1, 1, 1), translation: ZYX(0, 0, 0)),
        Grid(shape: ZYX(1, 1, 1), voxelSize: ZYX(1, 1, 1), translation: ZYX(1e300, 0, 0)),
    ])
    func gridsThatCannotBeComputedWithAreRefused(grid: Grid) {
        let raw = Grid(shape: ZYX(9, 9, 9), voxelSize: ZYX(repeating: 8), translation: ZYX(repeating: 0))
        #expect(throws: GeometryError.self) { try Placement(of: grid, in: raw) }
    }
}

@Suite struct LevelChoiceTests {
    private let rule = LevelChoice(target: ZYX(repeating: 8), tolerance: 0.4, preference: .target)

    /// A pyramid whose levels all begin at one edge, in nm.
    private func levels(_ first: ZYX<Double>, _ count: Int, edge: Double = 0) -> [LevelPlace] {
        (0..<count).map { level in
            let voxel = first.map { $0 * Double(1 << level) }
            return LevelPlace(voxelSize: voxel, translation: voxel.map { edge + $0 / 2 })
        }
    }

    /// On isotropic pyramids the rule is the lab's `get_best_size`: 2→s2, 2.5→s1, 3→s1, 4→s1, 6→s0, 8→s0, 16→s0.
    @Test(arguments: [(2.0, 2), (2.5, 1), (3, 1), (4, 1), (4.7, 1), (4.8, 0), (6, 0), (8, 0), (16, 0)])
    func isotropicPyramids(voxel: Double, level: Int) {
        #expect(rule.alone(levels(ZYX(repeating: voxel), 9)) == level)
    }

    @Test func everyAxisCounts() {
        // 4 nm in y and x alone would take s1, but 5.24 nm in z would become 10.48.
        #expect(rule.alone(levels(ZYX(5.24, 4, 4), 5)) == 0)
        // TEM: z alone is far beyond the target at every level, so the finest is taken.
        #expect(rule.alone(levels(ZYX(70, 4, 4), 5)) == 0)
    }

    @Test func labelsTwiceAsFineAreMatchedByScaleNotByName() {
        let choice = rule.choose(raw: levels(ZYX(5.24, 4, 4), 6), labels: [levels(ZYX(2.62, 2, 2), 4)])
        #expect(choice == LevelChoice.Choice(raw: 0, labels: [1], matched: [true], kind: .pair))
        let liver = rule.choose(raw: levels(ZYX(repeating: 4), 6), labels: [levels(ZYX(repeating: 2), 4)])
        #expect(liver == LevelChoice.Choice(raw: 1, labels: [2], matched: [true], kind: .pair))
    }

    @Test func aRawLevelThatAllClassesMatchIsPreferred() {
        let choice = rule.choose(
            raw: levels(ZYX(repeating: 4), 4),
            labels: [levels(ZYX(repeating: 4), 3), levels(ZYX(repeating: 4), 1)])
        #expect(choice == LevelChoice.Choice(raw: 0, labels: [0, 0], matched: [true, true], kind: .pair))
    }

    /// Labels that begin 4 nm into an 8 nm voxel lie on the grid of the 4 nm level.
    @Test func aPairOffTheGridGivesWayToAFinerOne() {
        let (raw, labels) = (levels(ZYX(repeating: 2), 4), levels(ZYX(repeating: 2), 4, edge: 4))
        #expect(
            rule.choose(raw: raw, labels: [labels])
                == LevelChoice.Choice(raw: 1, labels: [1], matched: [true], kind: .pair))
        let coarsest = LevelChoice(target: ZYX(repeating: 8), tolerance: 0.4, preference: .coarsest)
        #expect(
            coarsest.choose(raw: raw, labels: [labels])
                == LevelChoice.Choice(raw: 2, labels: [2], matched: [true], kind: .pairOffGrid))
        let finest = LevelChoice(target: ZYX(repeating: 8), tolerance: 0.4, preference: .finest)
        #expect(finest.choose(raw: raw, labels: [labels])?.raw == 0)
    }

    @Test func allPairedLabelsHaveToFit() {
        let raw = levels(ZYX(repeating: 2), 4)
        let choice = rule.choose(
            raw: raw, labels: [levels(ZYX(repeating: 2), 4), levels(ZYX(repeating: 2), 4, edge: 6)])
        #expect(choice == LevelChoice.Choice(raw: 0, labels: [0, 0], matched: [true, true], kind: .pair))
    }

    /// Where nothing fits: the coarsest with no voxel above half the target, else the finest.
    @Test func withoutAFitThePairIsHalfTheTarget() {
        let raw = levels(ZYX(repeating: 2), 4)
        let off = levels(ZYX(repeating: 2), 4, edge: 0.7)
        #expect(
            rule.choose(raw: raw, labels: [off])
                == LevelChoice.Choice(raw: 1, labels: [1], matched: [true], kind: .pairOffGrid))
        #expect(
            rule.choose(raw: levels(ZYX(repeating: 6), 2), labels: [levels(ZYX(repeating: 6), 2, edge: 1)])
                == LevelChoice.Choice(raw: 0, labels: [0], matched: [true], kind: .pairOffGrid))
    }

    @Test func aFitIsJudgedOnEveryAxis() {
        var labels = levels(ZYX(repeating: 8), 1)
        labels[0].translation.y += 0.17
        #expect(rule.choose(raw: levels(ZYX(repeating: 8), 1), labels: [labels])?.kind == .pairOffGrid)
        labels[0].translation.y -= 0.02
        #expect(rule.choose(raw: levels(ZYX(repeating: 8), 1), labels: [labels])?.kind == .pair)
    }

    /// 8 nm raw data under 16 nm labels: a pair at 16 nm is not below the bound, and blown up raw data teach nothing.
    @Test func coarseLabelsGetRawDataNearTheTarget() {
        let (raw, labels) = (levels(ZYX(repeating: 8), 4), levels(ZYX(repeating: 16), 3))
        let choice = rule.choose(raw: raw, labels: [labels])
        #expect(choice == LevelChoice.Choice(raw: 0, labels: [0], matched: [false], kind: .alone))
        let finest = LevelChoice(target: ZYX(repeating: 8), tolerance: 0.4, preference: .finest)
        #expect(finest.choose(raw: raw, labels: [labels])?.raw == 1)
    }

    @Test func withoutAPairTheBoxHasToBeWhole() {
        let raw = levels(ZYX(repeating: 4), 4)
        #expect(rule.raw(raw) { _ in true } == 1)
        #expect(rule.raw(raw) { $0.voxelSize.z == 4 } == 0)
        #expect(rule.raw(raw) { _ in false } == 0)
        #expect(rule.raw(levels(ZYX(repeating: 16), 2)) { _ in true } == 0)
    }

    @Test func withoutAnEqualPairEachFollowsTheRuleAlone() {
        let choice = rule.choose(raw: levels(ZYX(repeating: 4), 4), labels: [levels(ZYX(repeating: 3), 4)])
        #expect(choice == LevelChoice.Choice(raw: 1, labels: [1], matched: [false], kind: .alone))
    }

    @Test func floatNoiseIsNoDifference() {
        let raw = LevelPlace(voxelSize: ZYX(5.920000000000001, 8, 8), translation: ZYX(repeating: 0))
        let labels = LevelPlace(voxelSize: ZYX(5.92, 7.999999999, 8), translation: ZYX(repeating: 0))
        #expect(rule.choose(raw: [raw], labels: [[labels]])?.kind == .pair)
    }

    @Test func nothingToChooseFrom() {
        #expect(rule.choose(raw: [], labels: []) == nil)
        #expect(rule.choose(raw: levels(ZYX(repeating: 8), 1), labels: [[]]) == nil)
    }
}
