import Elements
import Geometry
import Testing

@testable import Arrays

@Suite struct BoxCopyTests {
    @Test(
        arguments: [
            Box(start: ZYX(2, 3, 4), stop: ZYX(6, 8, 10)), Box(start: ZYX(0, 0, 0), stop: ZYX(9, 9, 9)),
            Box(start: ZYX(4, 4, 4), stop: ZYX(8, 8, 8)), Box(start: ZYX(4, 4, 4), stop: ZYX(7, 6, 8)),
            Box(start: ZYX(7, 7, 7), stop: ZYX(20, 20, 20)), Box(start: ZYX(8, 0, 0), stop: ZYX(9, 9, 9)),
            Box(start: ZYX(5, 0, 4), stop: ZYX(6, 12, 8)),
        ], [1, 2, 8])
    func copiesTheOverlap(box: Box, width: Int) throws {
        let chunkBox = Box(start: ZYX(4, 4, 4), stop: ZYX(8, 8, 8))
        func element(_ voxel: ZYX<Int>) -> [UInt8] {
            (0..<width).map { UInt8(truncatingIfNeeded: voxel.z * 97 + voxel.y * 13 + voxel.x + $0) }
        }
        var chunk: [UInt8] = []
        chunkBox.forEachIndex { chunk += element($0) }
        let destination = ByteBuffer(count: box.volume * width)
        destination.fill(with: [0xEE])
        ByteBuffer(chunk).copyOverlap(of: chunkBox, into: destination, box: box, elementByteCount: width)
        var expected: [UInt8] = []
        box.forEachIndex { voxel in
            let isInside = chunkBox.contains(Box(start: voxel, stop: voxel.map { $0 + 1 }))
            expected += isInside ? element(voxel) : [UInt8](repeating: 0xEE, count: width)
        }
        #expect(destination.array == expected)
    }
}
