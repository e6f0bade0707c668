internal import Geometry
internal import JSONText

/// The metadata texts of the sample: Zarr v2 and OME-NGFF 0.4 as the real bucket's writers left them.
enum SampleMetadata {
    static let group: JSONValue = ["zarr_format": 2]

    /// The `.zarray` of one level.
    static func array(_ image: SampleImage, level: Int) -> JSONValue {
        [
            "chunks": integers(image.storage.chunk),
            "compressor": image.storage.compressor,
            "dimension_separator": .string(image.storage.separator),
            "dtype": .string(image.storage.typeName),
            "fill_value": 0,
            "filters": nil,
            "order": "C",
            "shape": integers(image.levels[level].shape),
            "zarr_format": 2,
        ]
    }

    /// The `multiscales` of an image group, with the JSON nulls and the empty name that raw groups have; label groups
    /// are called "nominal" and have no transformation of the whole.
    static func multiscales(_ levels: [SampleLevel], isLabel: Bool) -> JSONValue {
        let axes = ["z", "y", "x"].map { axis -> JSONValue in
            ["name": .string(axis), "type": "space", "unit": "nanometer"]
        }
        let datasets = levels.enumerated().map { index, level -> JSONValue in
            let scale: JSONValue = ["scale": numbers(level.scale), "type": "scale"]
            let translation: JSONValue = ["translation": numbers(level.translation), "type": "translation"]
            return ["coordinateTransformations": [scale, translation], "path": .string("s\(index)")]
        }
        var members: [String: JSONValue] = [
            "axes": .array(axes), "datasets": .array(datasets), "version": "0.4",
            "name": isLabel ? "nominal" : "",
        ]
        if !isLabel {
            members["coordinateTransformations"] = [["scale": numbers(ZYX(repeating: 1)), "type": "scale"]]
            members["metadata"] = nil as JSONValue
            members["type"] = nil as JSONValue
        }
        return [.object(members)]
    }

    /// The `cellmap` block of a crop group.
    static func crop(name: String, classes: [String]) -> JSONValue {
        [
            "cellmap": [
                "annotation": [
                    "class_names": .array(classes.map { .string($0) }), "created_by": [], "created_with": [],
                    "description": "Made from a formula, not from an animal.", "duration_days": nil,
                    "end_date": nil, "name": .string(name), "protocol_uri": nil, "start_date": nil,
                    "version": "0.1.1",
                ]
            ]
        ]
    }

    /// The `cellmap` block of a label group, and with `complement_counts` (null) that of its arrays.
    static func label(_ name: String, isInstance: Bool, isArray: Bool) -> [String: JSONValue] {
        let encoding: JSONValue =
            isInstance ? ["absent": 0, "unknown": 255] : ["absent": 0, "present": 1, "unknown": 255]
        let type: JSONValue = [
            "encoding": encoding,
            "type": isInstance ? "instance_segmentation" : "semantic_segmentation",
        ]
        var annotation: [String: JSONValue] = ["annotation_type": type, "class_name": .string(name)]
        if isArray { annotation["complement_counts"] = nil as JSONValue }
        return ["cellmap": ["annotation": .object(annotation)]]
    }

    private static func integers(_ values: ZYX<Int>) -> JSONValue { .array(values.array.map { .integer($0) }) }

    private static func numbers(_ values: ZYX<Double>) -> JSONValue { .array(values.array.map { .number($0) }) }
}
