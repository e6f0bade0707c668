import Elements
import JSONText
import Testing

@testable import SampleStore

@Suite struct SampleLabelTests {
    private var bucket: SampleBucket { SampleBucketTests.bucket }

    private func scale(_ image: String, _ level: Int) throws -> (scale: [Double], translation: [Double]) {
        let dataset = try metadata(bucket, "\(image)/.zattrs")["multiscales"]?[0]?["datasets"]?[level]
        return (
            try numbers(dataset?["coordinateTransformations"]?[0]?["scale"]),
            try numbers(dataset?["coordinateTransformations"]?[1]?["translation"])
        )
    }

    private func raw(of group: String) throws -> String {
        try unwrap(SampleBucketTests.raws.first { $0.split(separator: "/").first == group.split(separator: "/").first })
    }

    private func classes(_ crop: String) -> [String] { bucket.children(of: crop).folders }

    /// The rule of edges: start and stop are whole raw voxels inside of the raw array.
    @Test(arguments: SampleBucketTests.crops)
    func cropsLieInsideRawOnItsGrid(crop: String) throws {
        let raw = try raw(of: crop)
        let rawShape = try integers(metadata(bucket, "\(raw)/s0/.zarray")["shape"])
        let (rawScale, rawTranslation) = try scale(raw, 0)
        #expect(rawTranslation == [0, 0, 0])
        for name in classes(crop) {
            let shape = try integers(metadata(bucket, "\(crop)/\(name)/s0/.zarray")["shape"])
            let (scale, translation) = try scale("\(crop)/\(name)", 0)
            for axis in 0..<3 {
                let edge = translation[axis] - scale[axis] / 2
                let start = (edge + rawScale[axis] / 2) / rawScale[axis]
                let stop = start + Double(shape[axis]) * scale[axis] / rawScale[axis]
                #expect((start - start.rounded()).magnitude < 1e-6 && (stop - stop.rounded()).magnitude < 1e-6)
                #expect(start > -0.5 && stop < Double(rawShape[axis]) + 0.5)
                // 40 to 110 voxels of 8 nm.
                #expect((320...880).contains(Double(shape[axis]) * scale[axis]))
            }
        }
    }

    @Test func theFirstLabelVoxelLiesAQuarterRawVoxelBefore() throws {
        let (scale, translation) = try scale("\(SampleBucketTests.crops[0])/mito", 0)
        #expect(scale == [2.62, 2, 2])
        let expected: [Double] = [34 * 5.24 - 1.31, 239, 175]
        for axis in 0..<3 { #expect((translation[axis] - expected[axis]).magnitude < 1e-9) }
    }

    @Test func classesAreAsDescribed() throws {
        let crops = SampleBucketTests.crops
        let expected = [
            ["all", "er", "mito", "mito_mem"], ["all", "er", "mito", "mito_mem"], ["all", "er", "mito", "mito_mem"],
            ["all", "er"], ["all", "mito"], ["all", "er"], ["all", "mito", "mito_mem"], ["all", "mito"], ["nuc"],
            ["all"], ["all", "mito"],
        ]
        for (crop, names) in zip(crops, expected) {
            #expect(classes(crop) == names)
            let attributes = try metadata(bucket, "\(crop)/.zattrs")
            let listed = attributes["cellmap"]?["annotation"]?["class_names"]?.array?.compactMap(\.string)
            #expect(listed == names.filter { $0 != "all" })
            for name in names {
                let annotation = try metadata(bucket, "\(crop)/\(name)/.zattrs")["cellmap"]?["annotation"]
                #expect((annotation == nil) == (name == "all"))
                guard let annotation else { continue }
                #expect(annotation["class_name"]?.string == name)
                let isInstance = name == "mito" || name == "nuc"
                let type = isInstance ? "instance_segmentation" : "semantic_segmentation"
                #expect(annotation["annotation_type"]?["type"]?.string == type)
                #expect(annotation["annotation_type"]?["encoding"]?["unknown"]?.integer == 255)
                #expect((annotation["annotation_type"]?["encoding"]?["present"] == nil) == isInstance)
            }
        }
        let types = Set(
            try SampleBucketTests.images.map { try unwrap(metadata(bucket, "\($0)/s0/.zarray")["dtype"]?.string) })
        #expect(types == ["|u1", "<u2", "<u4", "<u8", "<i2"])
    }

    @Test(arguments: [(0, 2, false), (1, 3, true), (2, 2, false), (6, 2, false), (7, 2, false), (10, 2, false)])
    func mitochondriaAreNumberedFromOne(number: Int, count: Int, hasUnknown: Bool) throws {
        let crop = SampleBucketTests.crops[number]
        let level = number == 6 || number == 10 ? 0 : 1
        let counts = try SampleVolume(bucket, "\(crop)/mito/s\(level)").counts
        #expect(Set(counts.keys) == Set(Array(0...count) + (hasUnknown ? [255] : [])))
        #expect(counts.values.allSatisfy { $0 > 1000 })
    }

    /// `mito`, `mito_mem` and `all` tell the same story, voxel by voxel.
    @Test(arguments: [1, 2])
    func classesAgree(number: Int) throws {
        let crop = SampleBucketTests.crops[number]
        let all = try SampleVolume(bucket, "\(crop)/all/s0")
        let mito = try SampleVolume(bucket, "\(crop)/mito/s0")
        let membrane = try SampleVolume(bucket, "\(crop)/mito_mem/s0")
        #expect(all.shape == mito.shape && all.shape == membrane.shape)
        var wrong = 0
        for index in all.values.indices where mito.values[index] != 255 {
            let id = all.values[index]
            if (mito.values[index] > 0) != (3...5 ~= id) || (membrane.values[index] == 1) != (id == 3) { wrong += 1 }
        }
        #expect(wrong == 0)
        let unknown = mito.values.indices.filter { mito.values[$0] == 255 }
        #expect(unknown.allSatisfy { membrane.values[$0] == 255 })
        #expect(unknown.count == (number == 1 ? 24 * 48 * 40 : 0))
    }

    @Test func mitochondriaOfTheOtherCropsAreInAllOnly() throws {
        let ids = try SampleBucketTests.crops[3...5].map { try SampleVolume(bucket, "\($0)/all/s1").counts }
        for id in [3, 4, 5, 50] { #expect(ids[0][id, default: 0] > 20, "\(id)") }
        #expect(ids[1][50, default: 0] > 1000 && ids[1][3] == nil)
        #expect([3, 4, 5, 50].allSatisfy { ids[2][$0] == nil } && ids[2][16, default: 0] > 100)
        let empty = try SampleVolume(bucket, "\(SampleBucketTests.crops[4])/mito/s0")
        #expect(empty.counts.keys.sorted() == [0])
    }

    @Test func inferenceStartsAtACoarserLevel() throws {
        for (dataset, folder) in [(SampleBucketTests.liver, "segmentations/"), (SampleBucketTests.kidney, "")] {
            let path = "\(dataset)/labels/inference/\(folder)mito"
            let (scale, translation) = try scale(path, 0)
            #expect(scale == [16, 16, 16] && translation == [4, 4, 4])
            #expect(try metadata(bucket, "\(path)/.zattrs")["cellmap"] == nil)
            let raw = try integers(metadata(bucket, "\(dataset)/em/fibsem-uint8/s1/.zarray")["shape"])
            let volume = try SampleVolume(bucket, "\(path)/s0")
            #expect(volume.shape == raw)
            #expect(volume.counts.count >= 4)
        }
        let labelled = SampleBucketTests.keys.filter { $0.hasPrefix("smp_cos7") && $0.contains("/labels") }
        #expect(labelled.isEmpty)
    }

    /// Membranes are darker than the matrix, and that is darker than the cytosol; so the labels are where the image
    /// says they are.
    @Test func rawFitsTheLabels() throws {
        let all = try SampleVolume(bucket, "\(SampleBucketTests.crops[2])/all/s1")
        let raw = try SampleVolume(bucket, "\(SampleBucketTests.raws[1])/s0")
        var sums: [Int: (sum: Int, count: Int)] = [:]
        for z in 0..<all.shape[0] {
            for y in 0..<all.shape[1] {
                for x in 0..<all.shape[2] {
                    let id = all[z, y, x]
                    let old = sums[id] ?? (0, 0)
                    sums[id] = (old.sum + raw[z + 10, y + 12, x + 14], old.count + 1)
                }
            }
        }
        func mean(_ id: Int) throws -> Int {
            let sum = try unwrap(sums[id])
            return sum.sum / sum.count
        }
        #expect(try mean(3) < mean(4) - 25)
        #expect(try mean(4) < mean(35) - 25)
        #expect(try mean(16) < mean(17) - 25)
    }

    @Test func coarserLevelsAreMeansAndModes() throws {
        for (path, level) in [
            (SampleBucketTests.raws[0], 2), (SampleBucketTests.raws[1], 1), (SampleBucketTests.raws[2], 1),
        ] {
            let fine = try SampleVolume(bucket, "\(path)/s\(level)")
            let coarse = try SampleVolume(bucket, "\(path)/s\(level + 1)")
            for z in stride(from: coarse.shape[0] - 1, to: 0, by: -4) {
                for x in 0..<coarse.shape[2] {
                    let window = fine.window(z, coarse.shape[1] - 1 - z, x)
                    let mean = (Double(window.reduce(0, +)) / Double(window.count) + 0.5).rounded(.down)
                    #expect(coarse[z, coarse.shape[1] - 1 - z, x] == Int(mean), "\(path) \(z) \(x)")
                }
            }
        }
        let fine = try SampleVolume(bucket, "\(SampleBucketTests.crops[2])/all/s1")
        let coarse = try SampleVolume(bucket, "\(SampleBucketTests.crops[2])/all/s2")
        var mixed = 0
        for z in 0..<coarse.shape[0] {
            for x in 0..<coarse.shape[2] {
                let window = fine.window(z, 17, x)
                let votes = Dictionary(grouping: window) { $0 }.mapValues(\.count)
                let most = votes.values.max()
                #expect(coarse[z, 17, x] == votes.filter { $0.value == most }.keys.min())
                if votes.count > 1 { mixed += 1 }
            }
        }
        #expect(mixed > 50)
    }
}
