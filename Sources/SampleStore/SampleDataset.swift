internal import Codecs
internal import Elements
internal import Geometry
internal import JSONText

/// A ground-truth crop of a sample dataset.
struct SampleCrop: Sendable {
    let number: Int
    /// First voxel and shape in voxels of the raw array's `s0`.
    let start: ZYX<Int>
    let shape: ZYX<Int>
    /// How many times finer than the raw array's `s0` the labels' `s0` is: 1 or 2.
    let finer: Int
    /// How many times coarser it is, in datasets whose crops were labelled on a coarse grid.
    var coarser = 1
    let levels: Int
    let classes: [(label: SampleClass, storage: SampleStorage)]
    /// Numbers (from 1) of the scene's mitochondria that the crop shows, in the order of their ids.
    var mitochondria: [Int] = []
    /// Those of them which `all` holds as 50, whole.
    var grouped: [Int] = []
    /// Unknown corner at the crop's end, in voxels of the labels' `s0`.
    var unknownCorner = ZYX(repeating: 0)
}

/// A whole-volume segmentation of a sample dataset.
struct SampleInference: Sendable {
    let name: String
    /// Level of the raw array whose grid is the segmentation's `s0`.
    let rawLevel: Int
    let levels: Int
    let storage: SampleStorage
    /// Below `labels/inference`; empty where it lies there itself, as some do.
    var folder = "segmentations/"
}

/// One dataset of the sample bucket.
struct SampleDataset: Sendable {
    let name: String
    let recon: String
    /// The raw array's name, such as `fibsem-uint8`.
    let raw: String
    let scene: SampleScene
    /// Voxel size of the raw array's `s0` in hundredths of a nm.
    let voxel: ZYX<Int>
    let shape: ZYX<Int>
    let levels: Int
    let roundsUp: Bool
    let storage: SampleStorage
    var crops: [SampleCrop] = []
    var inference: [SampleInference] = []

    private var scale: ZYX<Double> { voxel.map { Double($0) / 100 } }
    private var reconPath: String { "\(name)/\(name).zarr/\(recon)" }

    private var rawLevels: [SampleLevel] {
        SampleImage.pyramid(
            shape: shape, scale: scale, translation: ZYX(repeating: 0), count: levels, roundsUp: roundsUp, isNoisy: true
        )
    }

    /// All multiscale groups; the raw one comes first.
    ///
    /// - Parameter firstSource: number of the first of them, unique in the bucket.
    func images(firstSource: Int) -> [SampleImage] {
        var images = [
            SampleImage(
                path: "\(reconPath)/em/\(raw)", scene: scene, source: firstSource, edge: ZYX(repeating: 0),
                voxel: voxel, levels: rawLevels, storage: storage, content: .microscopy)
        ]
        for crop in crops {
            let levels = levels(of: crop)
            let source = firstSource + images.count
            for (label, storage) in crop.classes {
                images.append(
                    SampleImage(
                        path: "\(cropPath(crop))/\(label.name)", scene: scene, source: source,
                        edge: crop.start.zip(voxel, *), voxel: voxel.map { $0 / crop.finer * crop.coarser },
                        levels: levels,
                        storage: storage, content: .label(label.labelling(of: crop))))
            }
        }
        for segmentation in inference {
            let grid = rawLevels[segmentation.rawLevel]
            let labelling = SampleLabelling(
                values: SampleClass.mito.values, instances: Array(1...max(1, scene.mitochondria.count)))
            images.append(
                SampleImage(
                    path: "\(reconPath)/labels/inference/\(segmentation.folder)\(segmentation.name)", scene: scene,
                    source: firstSource + images.count, edge: ZYX(repeating: 0),
                    voxel: voxel.map { $0 << segmentation.rawLevel },
                    levels: SampleImage.pyramid(
                        shape: grid.shape, scale: grid.scale, translation: grid.translation,
                        count: segmentation.levels, roundsUp: roundsUp),
                    storage: segmentation.storage, content: .label(labelling)))
        }
        return images
    }

    /// All metadata, by key.
    func documents(_ images: [SampleImage]) -> [String: JSONValue] {
        var documents: [String: JSONValue] = [:]
        for image in images {
            let parents = image.path.split(separator: "/").dropFirst()
            for count in 1...parents.count {
                documents["\(name)/\(parents.prefix(count).joined(separator: "/"))/.zgroup"] = SampleMetadata.group
            }
            for level in image.levels.indices {
                documents["\(image.arrayPath(level))/.zarray"] = SampleMetadata.array(image, level: level)
            }
            if case .microscopy = image.content {
                documents["\(image.path)/.zattrs"] = [
                    "multiscales": SampleMetadata.multiscales(image.levels, isLabel: false)
                ]
                // Of the raw arrays only the finest has attributes of its own, and they are empty.
                documents["\(image.arrayPath(0))/.zattrs"] = [:]
            } else {
                documents["\(image.path)/.zattrs"] = [
                    "multiscales": SampleMetadata.multiscales(image.levels, isLabel: true)
                ]
            }
        }
        for crop in crops {
            let path = cropPath(crop)
            documents["\(path)/.zattrs"] = SampleMetadata.crop(
                name: "crop\(crop.number)", classes: crop.classes.map(\.label.name).filter { $0 != "all" })
            for (label, _) in crop.classes where label != .all {
                let group = "\(path)/\(label.name)"
                var members = SampleMetadata.label(label.name, isInstance: label.isInstance, isArray: false)
                members["multiscales"] = SampleMetadata.multiscales(levels(of: crop), isLabel: true)
                documents["\(group)/.zattrs"] = .object(members)
                for level in 0..<crop.levels {
                    documents["\(group)/s\(level)/.zattrs"] = .object(
                        SampleMetadata.label(label.name, isInstance: label.isInstance, isArray: true))
                }
            }
        }
        return documents
    }

    private func cropPath(_ crop: SampleCrop) -> String { "\(reconPath)/labels/groundtruth/crop\(crop.number)" }

    /// Grids line up by their edges, so labels twice as fine as raw voxels start a quarter of a raw voxel before the
    /// first raw voxel's centre.
    private func levels(of crop: SampleCrop) -> [SampleLevel] {
        let fine = scale.map { $0 / Double(crop.finer) * Double(crop.coarser) }
        let translation = crop.start.zip(scale) { Double($0) * $1 - $1 / 2 }.zip(fine) { $0 + $1 / 2 }
        return SampleImage.pyramid(
            shape: crop.shape.map { $0 * crop.finer / crop.coarser }, scale: fine, translation: translation,
            count: crop.levels,
            roundsUp: false)
    }
}
