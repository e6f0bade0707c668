import Geometry

/// One axis of a source and a target in whole nanometres: what resampling is to give, voxel by voxel, without the code that does it.
struct PlainAxis: Sendable {
    /// Source voxels.
    var count: Int
    var voxel: Int
    var edge: Int
    /// Those of them that are real.
    var real: Range<Int>
    var targetCount: Int
    var targetVoxel: Int
    var targetEdge: Int

    private func overlap(_ output: Int, _ index: Int) -> Int {
        let low = max(targetEdge + output * targetVoxel, edge + index * voxel)
        return max(0, min(targetEdge + (output + 1) * targetVoxel, edge + (index + 1) * voxel) - low)
    }

    func isCovered(_ output: Int) -> Bool { real.contains { overlap(output, $0) > 0 } }

    /// The output voxels that real ones cover at least in part.
    var covered: Range<Int> {
        let indices = (0..<targetCount).filter(isCovered)
        guard let low = indices.first, let high = indices.last else { return 0..<0 }
        return low..<high + 1
    }

    /// Twice the distance of the centres, the output's one moved between the outermost real ones.
    private func distance(_ output: Int, _ index: Int) -> Int {
        func centre(_ index: Int) -> Int { 2 * edge + (2 * index + 1) * voxel }
        let target = 2 * targetEdge + (2 * output + 1) * targetVoxel
        return abs(min(max(target, centre(real.lowerBound)), centre(real.upperBound - 1)) - centre(index))
    }

    /// The weight of each real voxel in a mean.
    func shares(_ output: Int) -> [(index: Int, weight: Int)] {
        guard isCovered(output) else { return [] }
        return real.map { ($0, targetVoxel < voxel ? max(0, 2 * voxel - distance(output, $0)) : overlap(output, $0)) }
    }

    /// The weight of each real voxel in a vote.
    func votes(_ output: Int) -> [(index: Int, weight: Int)] {
        guard isCovered(output) else { return [] }
        return real.map { ($0, targetVoxel < voxel ? (distance(output, $0) <= voxel ? 1 : 0) : overlap(output, $0)) }
    }
}

/// A source and a target of three such axes.
struct PlainGrids: Sendable {
    var axes: ZYX<PlainAxis>

    var shape: ZYX<Int> { axes.map(\.targetCount) }
    var covered: Box? {
        let ranges = axes.map(\.covered)
        guard ranges.allSatisfy({ !$0.isEmpty }) else { return nil }
        return Box(start: ranges.map(\.lowerBound), stop: ranges.map(\.upperBound))
    }

    /// The means of the source voxels, rounded to nearest, ties to even; 0 where there are none.
    func means(_ source: [UInt8]) -> [UInt8] {
        voxels { at in
            var (sum, total) = (0, 0)
            forEach(at, PlainAxis.shares) { index, weight in
                sum += Int(source[index]) * weight
                total += weight
            }
            guard total > 0 else { return 0 }
            let (quotient, rest) = sum.quotientAndRemainder(dividingBy: total)
            return UInt8(2 * rest > total || (2 * rest == total && quotient % 2 == 1) ? quotient + 1 : quotient)
        }
    }

    /// The most frequent values, of those which tie the smallest; `nothing` where there are none.
    func winners(_ source: [UInt8], nothing: UInt8 = 0) -> [UInt8] {
        voxels { at in
            var votes: [UInt8: Int] = [:]
            forEach(at, PlainAxis.votes) { index, weight in votes[source[index], default: 0] += weight }
            let most = votes.values.max()
            return votes.filter { $0.value == most }.keys.min() ?? nothing
        }
    }

    private func voxels(_ value: (ZYX<Int>) -> UInt8) -> [UInt8] {
        var voxels: [UInt8] = []
        Box(shape: shape).forEachIndex { voxels.append(value($0)) }
        return voxels
    }

    private func forEach(
        _ at: ZYX<Int>, _ weights: (PlainAxis) -> (Int) -> [(index: Int, weight: Int)], _ body: (Int, Int) -> Void
    ) {
        for z in weights(axes.z)(at.z) where z.weight > 0 {
            for y in weights(axes.y)(at.y) where y.weight > 0 {
                for x in weights(axes.x)(at.x) where x.weight > 0 {
                    body(
                        (z.index * axes.y.count + y.index) * axes.x.count + x.index, z.weight * y.weight * x.weight)
                }
            }
        }
    }
}

extension Box {
    /// The values of the voxels in the box, of an array of `shape`.
    func values(of voxels: [UInt8], shape: ZYX<Int>) -> [UInt8] {
        var values: [UInt8] = []
        forEachIndex { values.append(voxels[($0.z * shape.y + $0.y) * shape.x + $0.x]) }
        return values
    }
}
