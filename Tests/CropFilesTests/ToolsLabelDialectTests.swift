import Elements
import HDF5
import JSONText
import Testing

@testable import Arrays
@testable import CropFiles

@Suite struct ToolsLabelDialectTests {
    @Test func torchEMsInt16HasPaddingAndUnknown() {
        let dialect = LabelDialect([:], .int16)
        #expect(dialect.padding == -1)
        #expect(dialect.annotation == AnnotationPlan(type: "unspecified", unknown: 255))
    }

    @Test(arguments: [ElementType.int8, .int32, .int64])
    func otherSignedTypesHavePaddingOnly(_ type: ElementType) {
        #expect(LabelDialect([:], type).padding == -1)
        #expect(LabelDialect([:], type).annotation.unknown == nil)
    }

    @Test(arguments: [ElementType.uint8, .uint16, .uint64, .bool])
    func unsignedTypesHaveNeither(_ type: ElementType) {
        #expect(LabelDialect([:], type).padding == nil)
        #expect(LabelDialect([:], type).annotation.unknown == nil)
    }

    @Test func whatIsDeclaredHolds() {
        let attributes: [String: AttributeValue] = [
            "annotation_type": .string("semantic_segmentation"), "absent": .integer(0), "present": .integer(1),
            "unknown": .integer(9),
        ]
        let dialect = LabelDialect(attributes, .int16)
        #expect(dialect.padding == nil)
        #expect(dialect.annotation.unknown == 9)
    }

    @Test func eachVoxelIsCountedOnce() {
        let values: [Int16] = [-1, -1, 0, 255, 255, 255, 3, 3, -7, 300, 0, -1]
        let bytes = values.withUnsafeBytes { ByteBuffer($0) }
        let dialect = LabelDialect([:], .int16)
        var total = LabelStatistics(dialect.annotation, padding: dialect.padding)
        for _ in 0..<2 {
            total.merge(LabelStatistics(dialect.annotation, padding: dialect.padding, bytes, .int16))
        }
        let json = total.json
        #expect(json["voxels"] == 24)
        #expect(json["padding"] == 6)
        #expect(json["absent"] == 4)
        #expect(json["unknown"] == 6)
        #expect(json["labelled"] == 8)
        #expect(json["instances"] == 3)
    }

    @Test func filesOfOursHaveNoPadding() {
        #expect(LabelStatistics(AnnotationPlan(type: "unspecified")).json["padding"] == nil)
    }
}
