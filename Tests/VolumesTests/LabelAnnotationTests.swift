import JSONText
import Testing
import Volumes

@Suite struct LabelAnnotationTests {
    @Test func readsSemanticAndInstanceLabels() {
        let semantic = LabelAnnotation(zattrs: [
            "cellmap": [
                "annotation": [
                    "annotation_type": [
                        "encoding": ["absent": 0, "present": 1, "unknown": 255], "type": "semantic_segmentation",
                    ],
                    "class_name": "mito_mem",
                ]
            ],
            "multiscales": [],
        ])
        #expect(
            semantic
                == LabelAnnotation(className: "mito_mem", kind: .semantic, absent: 0, present: 1, unknown: 255))
        let instance = LabelAnnotation(zattrs: [
            "cellmap": [
                "annotation": [
                    "annotation_type": ["encoding": ["absent": 0, "unknown": 255], "type": "instance_segmentation"],
                    "class_name": "mito",
                ]
            ]
        ])
        #expect(
            instance == LabelAnnotation(className: "mito", kind: .instance, absent: 0, present: nil, unknown: 255))
    }

    @Test(
        arguments: [
            nil, [], .object([:]), ["cellmap": nil], ["cellmap": ["annotation": "mito"]],
            ["cellmap": ["annotation": ["annotation_type": ["type": "other", "encoding": [1]], "class_name": 3]]],
            [
                "cellmap": [
                    "annotation": ["annotation_type": ["type": nil, "encoding": ["absent": nil, "unknown": "x"]]]
                ]
            ],
        ] as [JSONValue])
    func leavesOutWhatIsMissing(attributes: JSONValue) {
        #expect(
            LabelAnnotation(zattrs: attributes)
                == LabelAnnotation(className: nil, kind: .unspecified, absent: nil, present: nil, unknown: nil))
    }
}
