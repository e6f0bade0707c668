import Elements
import Geometry
import Resampling
import TestSupport
import Testing

@Suite struct ComponentLabellerTests {
    @Test(arguments: 0..<80)
    func equalsAFloodFill(seed: Int) throws {
        var random = SplitMix(seed: UInt64(seed))
        let shape = ZYX(1 + random.below(7), 1 + random.below(9), 1 + random.below(40))
        let percent = [10, 31, 50, 75, 95, 100, 0, 40][seed % 8]
        let mask = Volume(Box(shape: shape)) { _ in UInt8(random.below(100) < percent ? 1 : 0) }
        let (expected, count) = floodFill(mask)
        let labeller = try ComponentLabeller(rows: shape.y, columns: shape.x, maximumRuns: 100_000)
        try label(mask, labeller, expected, count)
    }

    /// Two combs that are joined only in the last plane, and a spiral: chains of merges that come late.
    @Test func mergesThatComeLate() throws {
        let combs = Volume(Box(shape: ZYX(5, 9, 33))) { UInt8($0.x % 2 == 0 || ($0.z == 4 && $0.y == 8) ? 1 : 0) }
        let (expected, count) = floodFill(combs)
        #expect(count == 1)
        try label(combs, ComponentLabeller(rows: 9, columns: 33, maximumRuns: 10_000), expected, count)
        let shells = Volume(Box(shape: ZYX(1, 21, 21))) { index in
            let ring = min(index.y, index.x, 20 - index.y, 20 - index.x)
            return UInt8(ring % 2 == 0 ? 1 : 0)
        }
        let (rings, ringCount) = floodFill(shells)
        #expect(ringCount == 6)
        try label(shells, ComponentLabeller(rows: 21, columns: 21, maximumRuns: 10_000), rings, ringCount)
    }

    private func label(
        _ mask: Volume<UInt8>, _ labeller: ComponentLabeller, _ expected: Volume<UInt32>, _ count: Int
    ) throws {
        for z in 0..<mask.box.shape.z {
            try plane(mask, z).withSpan { span throws(ResamplingError) in try labeller.addPlane(span) }
        }
        #expect(labeller.planeCount == mask.box.shape.z)
        #expect(labeller.finish() == count)
        var found = Volume(mask.box) { _ in UInt32(0) }
        for z in 0..<mask.box.shape.z {
            try plane(mask, z).withSpan { span throws(ResamplingError) in
                try labeller.labelPlane(span) { row, start, stop, id in
                    for x in start..<stop { found[z, row, x] = id }
                }
            }
        }
        #expect(found == expected)
    }

    private func plane(_ mask: Volume<UInt8>, _ z: Int) -> ByteBuffer {
        let shape = mask.box.shape
        return mask.cropped(to: Box(start: ZYX(z, 0, 0), stop: ZYX(z + 1, shape.y, shape.x))).buffer
    }

    private func floodFill(_ mask: Volume<UInt8>) -> (Volume<UInt32>, Int) {
        var labels = Volume(mask.box) { _ in UInt32(0) }
        var count: UInt32 = 0
        mask.box.forEachIndex { seed in
            guard mask[seed.z, seed.y, seed.x] != 0, labels[seed.z, seed.y, seed.x] == 0 else { return }
            count += 1
            labels[seed.z, seed.y, seed.x] = count
            var stack = [seed]
            while let voxel = stack.popLast() {
                for axis in 0..<3 {
                    for step in [-1, 1] {
                        var next = voxel
                        next[axis] += step
                        guard mask.box.range(axis).contains(next[axis]), mask[next.z, next.y, next.x] != 0,
                            labels[next.z, next.y, next.x] == 0
                        else { continue }
                        labels[next.z, next.y, next.x] = count
                        stack.append(next)
                    }
                }
            }
        }
        return (labels, Int(count))
    }

    @Test func moreRunsThanAllowed() throws {
        let labeller = try ComponentLabeller(rows: 2, columns: 4, maximumRuns: 3)
        try ByteBuffer([1, 0, 1, 0, 0, 0, 0, 1]).withSpan { span throws(ResamplingError) in
            try labeller.addPlane(span)
        }
        #expect(labeller.runCount == 3)
        let error = #expect(throws: ResamplingError.self) {
            try ByteBuffer([0, 0, 0, 0, 1, 1, 1, 1]).withSpan { span throws(ResamplingError) in
                try labeller.addPlane(span)
            }
        }
        #expect(error?.code == .tooManyRuns)
        #expect(error?.description == "mask plane 1, row 1: more than 3 runs so far, the most that may be held")
    }

    @Test(arguments: [[1, 0, 1, 1], [1, 1, 1, 1]] as [[UInt8]])
    func anotherMaskInTheSecondPass(other: [UInt8]) throws {
        let labeller = try ComponentLabeller(rows: 2, columns: 2, maximumRuns: 10)
        try ByteBuffer([1, 0, 0, 0]).withSpan { span throws(ResamplingError) in try labeller.addPlane(span) }
        #expect(labeller.finish() == 1)
        let error = #expect(throws: ResamplingError.self) {
            try ByteBuffer(other).withSpan { span throws(ResamplingError) in
                try labeller.labelPlane(span) { _, _, _, _ in Issue.record("a run of another mask was labelled") }
            }
        }
        #expect(error?.code == .maskChanged)
    }

    @Test(arguments: [(0, 4), (4, 0), (-1, 4), (.max, 3)])
    func planesThatAreNone(rows: Int, columns: Int) {
        let error = #expect(throws: ResamplingError.self) {
            _ = try ComponentLabeller(rows: rows, columns: columns, maximumRuns: 10)
        }
        #expect(error?.code == .invalidShape)
    }
}
