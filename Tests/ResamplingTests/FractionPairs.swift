import Geometry
import TestSupport

extension GridPair {
    /// Grids whose voxel sizes are no decimal numbers: thirds, sevenths, elevenths, also far from the origin.
    static let fractions: [GridPair] = [
        GridPair(
            "8/3 to 8", AxisPair(units: 3, 9, 8, 0, to: (3, 24, 0)), AxisPair(units: 3, 6, 8, -4, to: (2, 24, -4)),
            AxisPair(units: 3, 33, 8, 77_588, to: (11, 24, 77_588))),
        GridPair(
            "8/3 to 16/3", AxisPair(units: 3, 8, 8, 0, to: (4, 16, 0)), AxisPair(units: 3, 7, 8, 1, to: (4, 16, 1)),
            AxisPair(units: 3, 40, 8, -5, to: (20, 16, -5))),
        GridPair(
            "8/3 to 8 by half a voxel", AxisPair(units: 3, 9, 8, 4, to: (4, 24, 0)),
            AxisPair(units: 3, 9, 8, -4, to: (3, 24, 0)), AxisPair(units: 3, 30, 8, 0, to: (10, 24, 2))),
        GridPair(
            "16/7 to 16, 10/3 to 10, 4 to 14/3", AxisPair(units: 7, 14, 16, 3, to: (2, 112, 3)),
            AxisPair(units: 3, 9, 10, 0, to: (3, 30, 0)), AxisPair(units: 3, 36, 12, 0, to: (31, 14, 0))),
        GridPair(
            "down in z, up in y, as it is in x", AxisPair(units: 3, 9, 8, 0, to: (3, 24, 0)),
            AxisPair(units: 3, 4, 32, 5, to: (12, 10, 5)), AxisPair(units: 3, 9, 8, 0, to: (9, 8, 0))),
        GridPair(
            "up in z, down in x, 3.7 to 11.1 in y", AxisPair(units: 3, 3, 40, 0, to: (15, 8, 0)),
            AxisPair(units: 10, 9, 37, 0, to: (3, 111, 0)), AxisPair(units: 11, 45, 50, 7, to: (15, 150, 7))),
        GridPair(
            "7/3 to 8, beyond both ends", AxisPair(units: 3, 6, 7, 10, to: (4, 24, -6)),
            AxisPair(units: 3, 9, 7, 0, to: (4, 24, 0)), AxisPair(units: 3, 20, 7, 31, to: (9, 24, 0))),
        GridPair(
            "decimal voxels at thirds", AxisPair(units: 3, 6, 12, -4, to: (3, 24, 0)),
            AxisPair(units: 3, 6, 12, 1, to: (4, 24, 0)), AxisPair(units: 3, 20, 12, 5, to: (11, 24, -1))),
        GridPair(
            "half a millionth off",
            AxisPair(units: 2_000_000, 6, 6_246_914, -3_123_457, to: (2, 18_740_742, -3_123_457)),
            AxisPair(units: 2_000_000, 3, 6_246_914, 1, to: (3, 6_246_914, 1)),
            AxisPair(units: 2_000_000, 12, 6_246_914, 1, to: (6, 12_493_828, 1))),
        GridPair(
            "nothing in common", AxisPair(units: 3, 3, 8, 0, to: (3, 24, 70_000_000)),
            AxisPair(units: 3, 3, 8, 0, to: (3, 24, 0)), AxisPair(units: 3, 3, 8, -70_000_000, to: (3, 24, 0))),
    ]

    /// A pair of small grids in sevenths, thirds, … that no one chose. Offsets are multiples of half a source voxel, so that ties are
    /// frequent.
    static func randomFractions(_ random: inout SplitMix) -> GridPair {
        func axis() -> AxisPair {
            let units = 2 * [3, 6, 7, 9, 11, 13, 21][random.below(7)]
            let source = 2 * (units + random.below(4 * units))
            let target = random.below(2) == 0 ? source * (1 + random.below(4)) : units + random.below(10 * units)
            let sourceCount = 1 + random.below(9)
            let targetCount = 1 + random.below(max(1, min(12, sourceCount * source / target + 2)))
            let edge = random.below(3) == 0 ? 0 : 25_862 * units + random.below(units)
            return AxisPair(
                units: units, sourceCount, source, edge,
                to: (targetCount, target, edge + (random.below(9) - 4) * source / 2))
        }
        return GridPair("random fractions", axis(), axis(), axis())
    }
}
