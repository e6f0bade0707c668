import Geometry
import Resampling
import Testing

@Suite struct OutputGridTests {
    @Test func exactKeepsTheFirstEdge() {
        let labels = Grid(
            shape: ZYX(200, 1000, 3), voxelSize: ZYX(2.62, 2, 2), translation: ZYX(3132.21, 899, 25_863))
        let grid = OutputGrid.exact(covering: [labels], targetVoxelSize: ZYX(8, 8, 8))
        // 524 / 8 = 65.5 is rounded up, 6 / 8 to 1.
        #expect(grid.shape == ZYX(66, 250, 1))
        #expect(grid.voxelSize == ZYX(8, 8, 8))
        for axis in 0..<3 { #expect(abs(grid.edge[axis] - labels.edge[axis]) < 1e-9) }
    }

    @Test(arguments: [
        (1, 2.0, 1), (100, 2.62, 33), (3, 11.840000000000002, 4), (50, 4.56, 29), (1, 4.0, 1), (3, 4.0, 2),
    ])
    func exactCounts(count: Int, voxel: Double, expected: Int) {
        let labels = Grid(
            shape: ZYX(repeating: count), voxelSize: ZYX(repeating: voxel), translation: ZYX(repeating: 0))
        #expect(OutputGrid.exact(covering: [labels], targetVoxelSize: ZYX(repeating: 8)).shape.z == expected)
    }

    @Test(arguments: [
        (2.0, 8.0), (2.5, 5), (2.62, 5.24), (3, 6), (4, 8), (4.8, 4.8), (5.24, 5.24), (6, 6), (8, 8),
        (8.000000001, 8.000000001), (9, 4.5), (16, 8), (17, 4.25), (32, 8), (33, 4.125), (0.01, 2.56),
    ])
    func powersOfTwo(voxel: Double, expected: Double) {
        let source = Grid(
            shape: ZYX(repeating: 1000), voxelSize: ZYX(4, voxel, 8), edge: ZYX(repeating: -3))
        let grid = OutputGrid.powerOfTwo(covering: [source], targetVoxelSize: ZYX(repeating: 8), tolerance: 0.4)
        #expect(grid.voxelSize == ZYX(8, expected, 8))
        #expect(grid.shape.z == 500)
        #expect(grid.shape.y == Int((1000 * voxel / expected).rounded()))
        #expect(abs(grid.edge.y + 3) < 1e-9)
    }

    /// 3 voxels of 4 nm from 0 on, and 1 of 10 nm from 6 on: 16 nm in all, whichever comes first.
    @Test func severalGridsAreCoveredByTheirEdges() {
        let fine = Grid(shape: ZYX(3, 3, 5), voxelSize: ZYX(4, 4, 8), edge: ZYX(0, 0, -20))
        let coarse = Grid(shape: ZYX(1, 1, 3), voxelSize: ZYX(10, 10, 10), edge: ZYX(6, 6, -10))
        for grids in [[fine, coarse], [coarse, fine], [fine, coarse, fine]] {
            let exact = OutputGrid.exact(covering: grids, targetVoxelSize: ZYX(8, 2, 4))
            #expect(exact.shape == ZYX(2, 8, 10))
            #expect(exact.edge == ZYX(0, 0, -20))
        }
        let near = OutputGrid.powerOfTwo(covering: [coarse, fine], targetVoxelSize: ZYX(8, 8, 8), tolerance: 0.4)
        #expect(near.voxelSize == ZYX(5, 5, 5))
        #expect(near.shape == ZYX(3, 3, 8))
        #expect(near.edge == ZYX(0, 0, -20))
    }

    @Test func upsampling() {
        let source = Grid(shape: ZYX(1, 1, 1), voxelSize: ZYX(70, 4, 8), translation: ZYX(0, 0, 0))
        let target = Grid(shape: ZYX(1, 1, 1), voxelSize: ZYX(8, 8, 8), translation: ZYX(0, 0, 0))
        #expect(OutputGrid.upsampling(from: source, to: target) == ZYX(8.75, 0.5, 1))
    }
}
