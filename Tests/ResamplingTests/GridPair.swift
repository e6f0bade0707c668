import Geometry
import TestSupport
import Testing

/// One axis of a source and a target grid, in whole parts of a nanometre, so that references can be exact.
struct AxisPair: Sendable {
    /// Parts of a nanometre.
    var units = 1_000_000
    var sourceCount: Int
    var sourceVoxel: Int
    var sourceEdge: Int
    var targetCount: Int
    var targetVoxel: Int
    var targetEdge: Int

    /// Counts, and voxel sizes and edges in nm.
    init(_ sourceCount: Int, _ sourceVoxel: Double, _ sourceEdge: Double, to target: (Int, Double, Double)) {
        func units(_ nanometres: Double) -> Int { Int((nanometres * 1e6).rounded()) }
        self.sourceCount = sourceCount
        self.sourceVoxel = units(sourceVoxel)
        self.sourceEdge = units(sourceEdge)
        targetCount = target.0
        targetVoxel = units(target.1)
        targetEdge = units(target.2)
    }

    /// Counts, and voxel sizes and edges in parts of a nanometre.
    init(units: Int, _ sourceCount: Int, _ sourceVoxel: Int, _ sourceEdge: Int, to target: (Int, Int, Int)) {
        (self.units, self.sourceCount, self.sourceVoxel, self.sourceEdge) = (
            units, sourceCount, sourceVoxel, sourceEdge
        )
        (targetCount, targetVoxel, targetEdge) = target
    }

    /// A number of parts in nm.
    func nanometres(_ parts: Int) -> Double { Double(parts) / Double(units) }

    private func overlap(_ output: Int, _ index: Int) -> Int {
        let low = max(targetEdge + output * targetVoxel, sourceEdge + index * sourceVoxel)
        let high = min(targetEdge + (output + 1) * targetVoxel, sourceEdge + (index + 1) * sourceVoxel)
        return max(0, high - low)
    }

    private func isCovered(_ output: Int) -> Bool { (0..<sourceCount).contains { overlap(output, $0) > 0 } }

    /// Twice the distance between the centres of an output and a source voxel, the former moved between the first and
    /// the last source centre.
    private func doubledDistance(_ output: Int, _ index: Int) -> Int {
        func centre(_ index: Int) -> Int { 2 * sourceEdge + (2 * index + 1) * sourceVoxel }
        let target = 2 * targetEdge + (2 * output + 1) * targetVoxel
        return abs(min(max(target, centre(0)), centre(sourceCount - 1)) - centre(index))
    }

    /// The weight of each source voxel in a mean.
    func meanWeights(_ output: Int) -> [Int] {
        guard targetVoxel < sourceVoxel else { return (0..<sourceCount).map { overlap(output, $0) } }
        guard isCovered(output) else { return Array(repeating: 0, count: sourceCount) }
        return (0..<sourceCount).map { max(0, 2 * sourceVoxel - doubledDistance(output, $0)) }
    }

    /// The weight of each source voxel in a vote.
    func votes(_ output: Int) -> [Int] {
        guard targetVoxel < sourceVoxel else { return (0..<sourceCount).map { overlap(output, $0) } }
        guard isCovered(output) else { return Array(repeating: 0, count: sourceCount) }
        return (0..<sourceCount).map { doubledDistance(output, $0) <= sourceVoxel ? 1 : 0 }
    }
}

/// The source voxels that have a weight for an output voxel on one axis.
typealias Window = [(index: Int, weight: Int128)]

extension ZYX<Window> {
    /// Every source voxel with a weight, and the product of its weights.
    func forEach(_ body: (ZYX<Int>, Int128) -> Void) {
        for z in z {
            for y in y {
                for x in x { body(ZYX<Int>(z.index, y.index, x.index), z.weight * y.weight * x.weight) }
            }
        }
    }
}

/// A source and a target grid, with a name for failures.
struct GridPair: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var axes: ZYX<AxisPair>

    init(_ name: String, _ z: AxisPair, _ y: AxisPair, _ x: AxisPair) {
        testDescription = name
        axes = ZYX(z, y, x)
    }

    var source: Grid {
        Grid(
            shape: axes.map(\.sourceCount), voxelSize: axes.map { $0.nanometres($0.sourceVoxel) },
            edge: axes.map { $0.nanometres($0.sourceEdge) })
    }

    var target: Grid {
        Grid(
            shape: axes.map(\.targetCount), voxelSize: axes.map { $0.nanometres($0.targetVoxel) },
            edge: axes.map { $0.nanometres($0.targetEdge) })
    }

    /// For each output voxel of each axis, the weights without those that are zero, divided by what they share.
    func windows(_ weights: (AxisPair, Int) -> [Int]) -> ZYX<[Window]> {
        axes.map { axis in
            (0..<axis.targetCount).map { output in
                let weights = weights(axis, output)
                let divisor = weights.reduce(0, greatestCommonDivisor)
                return weights.enumerated().filter { $0.element > 0 }.map { ($0.offset, Int128($0.element / divisor)) }
            }
        }
    }

    private func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : greatestCommonDivisor(b, a % b) }

    static let all: [GridPair] = [
        GridPair(
            "2 x down", AxisPair(12, 4, 0, to: (6, 8, 0)), AxisPair(8, 4, -2, to: (4, 8, -2)),
            AxisPair(22, 4, 0, to: (11, 8, 0))),
        GridPair(
            "2 x down, odd shapes", AxisPair(7, 4, 0, to: (4, 8, 0)), AxisPair(9, 4, 0, to: (4, 8, 0)),
            AxisPair(21, 4, 0, to: (11, 8, 0))),
        GridPair(
            "2 x down by half a voxel", AxisPair(8, 4, 0, to: (5, 8, -2)), AxisPair(8, 4, 2, to: (5, 8, 0)),
            AxisPair(18, 4, 0, to: (10, 8, -2))),
        GridPair(
            "4 x, 1 x, 2 x down", AxisPair(9, 2, 0, to: (2, 8, 0)), AxisPair(5, 8, 0, to: (5, 8, 0)),
            AxisPair(18, 4, 0, to: (9, 8, 0))),
        GridPair(
            "3 x down", AxisPair(6, 4, 0, to: (2, 12, 0)), AxisPair(7, 4, 0, to: (2, 12, 0)),
            AxisPair(13, 4, 0, to: (4, 12, 0))),
        GridPair(
            "5.24 x 4 x 4 to 8", AxisPair(14, 5.24, -2.62, to: (9, 8, -2.62)), AxisPair(9, 4, -2, to: (4, 8, -2)),
            AxisPair(12, 4, -2, to: (6, 8, -2))),
        GridPair(
            "5.24 x 4 x 4 to 3.48", AxisPair(8, 5.24, 0, to: (12, 3.48, 0)), AxisPair(7, 4, 0, to: (8, 3.48, 0)),
            AxisPair(11, 4, 0, to: (13, 3.48, 0))),
        GridPair(
            "5.24 x 4 x 4 to 2.62", AxisPair(6, 5.24, -2.62, to: (12, 2.62, -2.62)),
            AxisPair(6, 4, -2, to: (9, 2.62, -2)), AxisPair(9, 4, -2, to: (14, 2.62, -2))),
        GridPair(
            "3.48 to 8", AxisPair(12, 3.48, 0, to: (5, 8, 0)), AxisPair(11, 3.48, 0, to: (5, 8, 0)),
            AxisPair(16, 3.48, 0, to: (7, 8, 0))),
        GridPair(
            "2.62 x 2 x 2 to 8", AxisPair(16, 2.62, 3130.9, to: (5, 8, 3130.9)),
            AxisPair(12, 2, 898, to: (3, 8, 898)), AxisPair(17, 2, 25862, to: (4, 8, 25862))),
        GridPair(
            "equal, offset by a fraction", AxisPair(6, 8, 0, to: (7, 8, -4)), AxisPair(6, 8, 0, to: (6, 8, 3.1)),
            AxisPair(9, 8, 1.3, to: (9, 8, 0))),
        GridPair(
            "equal", AxisPair(4, 8, -4, to: (4, 8, -4)), AxisPair(5, 8, -4, to: (3, 8, 4)),
            AxisPair(6, 8, -4, to: (9, 8, -12))),
        GridPair(
            "down in z, up in x", AxisPair(9, 2.96, 10, to: (3, 8, 11.5)), AxisPair(4, 8, 0, to: (4, 8, 0)),
            AxisPair(5, 32, 7, to: (22, 8, 0))),
        GridPair(
            "up, odd factor", AxisPair(3, 12, 0, to: (9, 4, 0)), AxisPair(4, 12, 2, to: (12, 4, 0)),
            AxisPair(4, 70, -35, to: (36, 8, -35))),
        GridPair(
            "source larger than target", AxisPair(20, 4, -21.7, to: (4, 8, 0)),
            AxisPair(15, 5.24, -20, to: (5, 8, 0)), AxisPair(22, 4, -16, to: (4, 8, 0))),
        GridPair(
            "source smaller than target", AxisPair(3, 4, 9.3, to: (4, 8, 0)), AxisPair(2, 5.24, 20, to: (6, 8, 0)),
            AxisPair(4, 16, 3, to: (13, 8, -16))),
        GridPair(
            "one voxel each", AxisPair(1, 4, 0, to: (1, 8, 0)), AxisPair(1, 8, 0, to: (1, 4, 1)),
            AxisPair(1, 8, 0, to: (1, 8, 0))),
        GridPair(
            "2 x down, wide", AxisPair(5, 4, 0, to: (3, 8, 0)), AxisPair(6, 4, 0, to: (3, 8, 0)),
            AxisPair(161, 4, 0, to: (81, 8, 0))),
        GridPair(
            "1.527 x down, wide", AxisPair(5, 8, 0, to: (3, 12.216, 0)), AxisPair(5, 8, 0, to: (3, 12.216, 0)),
            AxisPair(131, 8, 0, to: (86, 12.216, 0))),
        GridPair(
            "3.3 x, 1.31 x, 2.37 x down, wide", AxisPair(7, 8, 0, to: (2, 26.4, 0)),
            AxisPair(5, 8, 0, to: (4, 10.48, 0)), AxisPair(150, 8, 3, to: (63, 18.96, 0))),
        GridPair(
            "5 x, 1.2 x, 6.1 x down, wide", AxisPair(10, 8, 0, to: (2, 40, 0)), AxisPair(5, 8, 0, to: (4, 9.6, 0)),
            AxisPair(260, 8, 0, to: (42, 48.8, 0))),
        GridPair(
            "down in z, up in x, wide", AxisPair(5, 4, 0, to: (3, 6, 0)), AxisPair(5, 4, 0, to: (3, 8, 0)),
            AxisPair(40, 8, 0, to: (112, 2.86, 0))),
        GridPair(
            "nothing in common", AxisPair(3, 4, 0, to: (3, 8, 12)), AxisPair(3, 4, 0, to: (3, 8, 0)),
            AxisPair(3, 4, 0, to: (3, 8, 0))),
    ]

    /// A pair of small grids that no one chose.
    static func random(_ random: inout SplitMix) -> GridPair {
        func axis() -> AxisPair {
            let voxels = [1.68, 2, 2.62, 2.96, 3.24, 3.48, 4, 4.56, 5.24, 8, 16]
            let (source, target) = (voxels[random.below(voxels.count)], voxels[random.below(voxels.count)])
            let sourceCount = 1 + random.below(9)
            let extent = Double(sourceCount) * source
            let targetCount = 1 + random.below(max(1, min(12, Int(extent / target) + 2)))
            let offset = Double(random.below(801) - 400) * 0.02
            return AxisPair(
                sourceCount, source, 1000, to: (targetCount, target, random.below(3) == 0 ? 1000 : 1000 + offset))
        }
        return GridPair("random", axis(), axis(), axis())
    }
}
