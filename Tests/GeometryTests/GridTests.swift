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
    private let rule = LevelChoice(target: ZYX(repeating: 8), tolerance: 0.4, finest: false)

    private func levels(_ first: ZYX<Double>, _ count: Int) -> [ZYX<Double>] {
        (0..<count).map { level in first.map { $0 * Double(1 << level) } }
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
        #expect(choice == LevelChoice.Choice(raw: 0, labels: [1], matched: [true]))
        let liver = rule.choose(raw: levels(ZYX(repeating: 4), 6), labels: [levels(ZYX(repeating: 2), 4)])
        #expect(liver == LevelChoice.Choice(raw: 1, labels: [2], matched: [true]))
    }

    @Test func aRawLevelThatAllClassesMatchIsPreferred() {
        let choice = rule.choose(
            raw: levels(ZYX(repeating: 4), 4),
            labels: [levels(ZYX(repeating: 4), 3), [ZYX(repeating: 4)]])
        #expect(choice == LevelChoice.Choice(raw: 0, labels: [0, 0], matched: [true, true]))
    }

    @Test func withoutAnEqualPairEachFollowsTheRuleAlone() {
        let choice = rule.choose(raw: levels(ZYX(repeating: 4), 4), labels: [levels(ZYX(repeating: 3), 4)])
        #expect(choice == LevelChoice.Choice(raw: 1, labels: [1], matched: [false]))
    }

    @Test func floatNoiseIsNoDifference() {
        let choice = rule.choose(raw: [ZYX(5.920000000000001, 8, 8)], labels: [[ZYX(5.92, 7.999999999, 8)]])
        #expect(choice?.matched == [true])
    }

    @Test func nothingToChooseFrom() {
        #expect(rule.choose(raw: [], labels: []) == nil)
        #expect(rule.choose(raw: [ZYX(repeating: 8)], labels: [[]]) == nil)
    }
}
