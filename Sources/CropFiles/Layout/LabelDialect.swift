internal import Arrays
internal import Elements
internal import HDF5

/// What the values of a label mean.
struct LabelDialect: Sendable, Equatable {
    var annotation: AnnotationPlan
    /// The value of voxels that were added around the crop; nil where there are none such.
    var padding: Int?

    /// By the dataset's own attributes; where they say nothing, signed integers are torch_em's: -1 is padding, and in its
    /// int16 255 is unknown. No object has either id there.
    init(_ attributes: [String: AttributeValue], _ type: ElementType) {
        annotation = CropAttributes.annotation(from: attributes)
        guard attributes["annotation_type"] == nil, type.isInteger, !type.isUnsigned else { return }
        padding = -1
        if type == .int16, annotation.unknown == nil { annotation.unknown = 255 }
    }
}
