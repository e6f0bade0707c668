import Elements
import JSONText
import Testing
import Volumes

@testable import Arrays

/// Voxels are counted run by run, many at a time: runs of any length, wherever they end, count the same as one by one.
@Suite struct LabelStatisticsTests {
    @Test(
        arguments: [ElementType.uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64], [1, 3, 9, 40, 300])
    func countsRunsAsVoxels(type: ElementType, longestRun: Int) {
        var values: [UInt64] = []
        var state: UInt64 = 7
        func below(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
        let (unknown, padding) = (100, 101)
        while values.count < 3001 {
            let value = [0, 0, unknown, padding, 1 + below(3), 1 + below(99)][below(6)]
            values += Array(repeating: UInt64(value), count: 1 + below(longestRun))
        }
        let bytes = values.flatMap { value in
            withUnsafeBytes(of: value.littleEndian) { Array($0.prefix(type.byteCount)) }
        }
        let annotation = AnnotationPlan(
            type: "instance_segmentation", absent: 0, present: nil, unknown: LabelValue(unknown))
        let found = LabelStatistics(annotation, padding: padding, ByteBuffer(bytes), type).json
        let labelled = values.filter { $0 > 0 && $0 < 100 }
        #expect(found["voxels"]?.integer == values.count)
        #expect(found["absent"]?.integer == values.count { $0 == 0 })
        #expect(found["unknown"]?.integer == values.count { $0 == 100 })
        #expect(found["padding"]?.integer == values.count { $0 == 101 })
        #expect(found["labelled"]?.integer == labelled.count)
        #expect(found["instances"]?.integer == Set(labelled).count)
    }
}
