import Elements
import Geometry
import HDF5
import JSONText
import JobTestSupport
import Scheduling
import Testing
import Volumes

@testable import Arrays
@testable import CropFiles

/// Values beyond the range of 64 bits with a sign, and numbers that are none.
@Suite struct WideLabelTests {
    private func bytes<Value>(_ values: [Value]) -> ByteBuffer { values.withUnsafeBytes { ByteBuffer($0) } }

    /// `encoding.unknown` is 2^64 - 1, as arrays of uint64 have it.
    @Test func unknownMayBeTheLargestNumber() async throws {
        let job = SmallJob()
        let recon = "ds/ds.zarr/recon-1"
        try job.image(
            "\(recon)/em/fibsem-uint8",
            [
                SmallJob.Level(
                    voxel: [8, 8, 8], translation: [0, 0, 0], shape: [2, 2, 2], bytes: [UInt8](repeating: 7, count: 8))
            ])
        let values: [UInt64] = [.max, .max, .max, 0, 5, 5, 1 << 63, .max]
        func label(_ name: String, _ values: [UInt64]) throws {
            let encoding: JSONValue = ["absent": 0, "unknown": .unsigned(.max)]
            try job.image(
                "\(recon)/labels/groundtruth/crop5/\(name)",
                [
                    SmallJob.Level(
                        voxel: [8, 8, 8], translation: [0, 0, 0], shape: [2, 2, 2], dtype: "<u8",
                        bytes: values.flatMap { value in withUnsafeBytes(of: value.littleEndian, Array.init) })
                ],
                attributes: [
                    "cellmap": [
                        "annotation": ["annotation_type": ["type": "instance_segmentation", "encoding": encoding]]
                    ]
                ])
        }
        try label("mito", values)
        // Nothing but unknown: made from `all`.
        try label("er", [.max, .max, 0, 0, .max, .max, .max, .max])
        try label("all", [1, 1, 1, 1, 2, 2, 9, 9])
        let outcome = try await job.run([
            "classes": ["mito", "er"], "derive": ["er": ["from": "all", "ids": [9], "instances": false]],
        ])
        #expect(outcome.failures == [])
        for folder in ["hdf5", "crops"] {
            let mito = try await job.dataset("/label_crop/mito", of: "\(folder)/crop_5.h5")
            #expect(mito.attributes["unknown"] == .unsigned(.max))
            #expect(mito.bytes == bytes(values).array)
            let er = try await job.dataset("/label_crop/er", of: "\(folder)/crop_5.h5")
            #expect(er.attributes["derived_from"] == .string("all"))
        }
        let entry = try JSONValue(parsing: try job.text("out/txt/attributes.json").utf8)[0]
        #expect(entry?["labels"]?["mito"]?["unknown"] == 4)
        #expect(entry?["labels"]?["mito"]?["instances"] == 2)
    }

    @Test(arguments: [nil, 0, 255, -1, LabelValue(Int64.max), LabelValue(Int64.min), LabelValue(UInt64.max)])
    func plansKeepEveryValue(value: LabelValue?) throws {
        let plan = AnnotationPlan(type: "instance_segmentation", absent: 0, present: value, unknown: value)
        let text = try JSONFile.encode(plan)
        #expect(try JSONFile.decode(AnnotationPlan.self, from: text) == plan)
        let json = try JSONValue(parsing: text)
        #expect(json["unknown"]?.wholeNumber == value)
        #expect(json.object?.count == (value == nil ? 2 : 4))
        let attributes = Dictionary(uniqueKeysWithValues: FileAttributes.annotation(plan))
        #expect(FileAttributes.annotation(from: attributes) == plan)
    }
}
