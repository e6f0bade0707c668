internal import Codecs
internal import Elements
internal import Geometry
internal import JSONText

/// The datasets of the sample bucket. Between them they have what makes readers of the real bucket stumble.
enum SampleCatalog {
    /// An object which is no part of any dataset.
    static let stray: [String: String] = [
        "csc-zipped-data/readme.txt": """
        This folder is no dataset. The real bucket keeps ZIP files of the segmentation challenge here.

        """
    ]

    static let datasets = [hela, liver, nacc, kidney, cos7]

    /// Anisotropic, twice as finely labelled as imaged; shapes round up; chunks beyond the imaged part are unstored.
    private static let hela = SampleDataset(
        name: "smp_hela-2", recon: "recon-1", raw: "fibsem-uint8", scene: SampleScene.hela,
        voxel: ZYX(524, 400, 400), shape: ZYX(149, 214, 279), levels: 6, roundsUp: true,
        storage: SampleStorage(
            elementType: .uint8, chunk: ZYX(32, 64, 64), codec: ZstdCodec(level: 6),
            compressor: ["id": "zstd", "level": 6, "checksum": false]),
        crops: [
            SampleCrop(
                number: 1, start: ZYX(34, 60, 44), shape: ZYX(64, 80, 80), finer: 2, levels: 3,
                classes: [
                    (.all, zstd(.uint8)), (.reticulum, zstd(.uint8)), (.mito, gzip(.uint64)),
                    (.mitoMembrane, plain(.uint8)),
                ],
                mitochondria: [1, 2]),
            SampleCrop(
                number: 23, start: ZYX(62, 104, 150), shape: ZYX(64, 84, 88), finer: 2, levels: 2,
                classes: [
                    (.all, dotted(.uint8)), (.reticulum, gzip(.uint8)), (.mito, blosc(.uint16)),
                    (.mitoMembrane, zstd(.uint8)),
                ],
                mitochondria: [1, 3, 4], unknownCorner: ZYX(24, 48, 40)),
        ])

    /// 8 nm, shapes round down. Of the first four crops one has no `mito`, one an empty one, and one no mitochondrion. Crop 132 overlaps
    /// crop 124, of crop 178 nothing but the nucleus is annotated, and crop 282 has labels of 32 nm.
    private static let liver = SampleDataset(
        name: "smp_mus-liver", recon: "recon-1", raw: "fibsem-uint8", scene: SampleScene.liver,
        voxel: ZYX(repeating: 800), shape: ZYX(127, 165, 181), levels: 4, roundsUp: false,
        storage: SampleStorage(
            elementType: .uint8, chunk: ZYX(32, 64, 64), codec: ZstdCodec(level: 6),
            compressor: ["id": "zstd", "level": 6]),
        crops: [
            SampleCrop(
                number: 124, start: ZYX(10, 12, 14), shape: ZYX(64, 72, 72), finer: 2, levels: 3,
                classes: [
                    (.all, zstd(.uint8)), (.reticulum, stored(.uint8)), (.mito, zstd(.uint32)),
                    (.mitoMembrane, gzip(.uint8)),
                ],
                mitochondria: [1, 2]),
            SampleCrop(
                number: 131, start: ZYX(50, 80, 90), shape: ZYX(64, 72, 72), finer: 2, levels: 2,
                classes: [(.all, zstd(.uint8)), (.reticulum, zstd(.uint8))],
                mitochondria: [3, 4], grouped: [4]),
            SampleCrop(
                number: 145, start: ZYX(70, 8, 100), shape: ZYX(48, 56, 64), finer: 2, levels: 2,
                classes: [(.all, blosc(.uint8)), (.emptyMito, zstd(.uint16))],
                mitochondria: [5], grouped: [5]),
            SampleCrop(
                number: 177, start: ZYX(4, 104, 6), shape: ZYX(48, 56, 48), finer: 1, levels: 2,
                classes: [(.all, stored(.uint8)), (.reticulum, stored(.uint8))]),
            SampleCrop(
                number: 132, start: ZYX(36, 36, 32), shape: ZYX(48, 56, 56), finer: 2, levels: 2,
                classes: [(.all, zstd(.uint8)), (.mito, zstd(.uint32))], mitochondria: [1, 2]),
            SampleCrop(
                number: 178, start: ZYX(60, 4, 4), shape: ZYX(48, 48, 48), finer: 1, levels: 2,
                classes: [(.nucleus, zstd(.uint8))]),
            SampleCrop(
                number: 282, start: ZYX(20, 76, 88), shape: ZYX(80, 80, 80), finer: 1, coarser: 4, levels: 1,
                classes: [(.all, zstd(.uint8))]),
        ],
        inference: [SampleInference(name: "mito", rawLevel: 1, levels: 3, storage: zstd(.uint16))])

    /// Another alignment folder, 16-bit values with a sign, small chunks, labels on the raw grid. Crop 302 begins at odd voxels: its coarser
    /// level lies half a voxel off the raw array's.
    private static let nacc = SampleDataset(
        name: "smp_mus-nacc-2", recon: "recon-2", raw: "fibsem-int16", scene: SampleScene.nacc,
        voxel: ZYX(296, 400, 400), shape: ZYX(141, 150, 150), levels: 4, roundsUp: false,
        storage: SampleStorage(
            elementType: .int16, chunk: ZYX(repeating: 32), codec: ZstdCodec(level: 1),
            compressor: ["id": "zstd", "level": 1]),
        crops: [
            SampleCrop(
                number: 301, start: ZYX(14, 30, 30), shape: ZYX(112, 96, 96), finer: 1, levels: 2,
                classes: [(.all, zstd(.uint8)), (.mito, zstd(.uint64)), (.mitoMembrane, zstd(.uint8))],
                mitochondria: [1, 2]),
            SampleCrop(
                number: 302, start: ZYX(21, 69, 43), shape: ZYX(110, 80, 80), finer: 1, levels: 2,
                classes: [(.all, zstd(.uint8)), (.mito, zstd(.uint64))], mitochondria: [1, 2]),
        ])

    /// No ground truth; a segmentation that starts at the grid of the raw array's `s1`, and lies beside the folder for segmentations.
    private static let kidney = SampleDataset(
        name: "smp_mus-kidney", recon: "recon-1", raw: "fibsem-uint8", scene: SampleScene.kidney,
        voxel: ZYX(repeating: 800), shape: ZYX(97, 121, 133), levels: 4, roundsUp: true,
        storage: SampleStorage(
            elementType: .uint8, chunk: ZYX(32, 64, 64),
            codec: BloscCodec(compressor: "zstd", level: 5, shuffle: 1, typeSize: 1, blockSize: 65536),
            compressor: ["id": "blosc", "cname": "zstd", "clevel": 5, "shuffle": 1, "blocksize": 65536]),
        inference: [SampleInference(name: "mito", rawLevel: 1, levels: 2, storage: gzip(.uint32), folder: "")])

    /// No labels at all.
    private static let cos7 = SampleDataset(
        name: "smp_cos7-1a", recon: "recon-1", raw: "fibsem-uint8", scene: SampleScene.cos7,
        voxel: ZYX(repeating: 400), shape: ZYX(80, 96, 112), levels: 3, roundsUp: true,
        storage: SampleStorage(
            elementType: .uint8, chunk: ZYX(32, 64, 64), codec: ZstdCodec(level: 6, checksum: true),
            compressor: ["id": "zstd", "level": 6, "checksum": true]))

    // How label arrays are stored. All classes of a crop share one chunk shape.

    private static let labelChunk = ZYX(repeating: 64)

    private static func zstd(_ type: ElementType) -> SampleStorage {
        SampleStorage(
            elementType: type, chunk: labelChunk, codec: ZstdCodec(level: 6),
            compressor: ["id": "zstd", "level": 6])
    }

    private static func gzip(_ type: ElementType) -> SampleStorage {
        SampleStorage(
            elementType: type, chunk: labelChunk, codec: GzipCodec(level: 5), compressor: ["id": "gzip", "level": 5])
    }

    private static func blosc(_ type: ElementType) -> SampleStorage {
        SampleStorage(
            elementType: type, chunk: labelChunk,
            codec: BloscCodec(
                compressor: "lz4", level: 5, shuffle: 1, typeSize: type.byteCount, blockSize: 65536),
            compressor: ["id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 65536])
    }

    /// Uncompressed.
    private static func plain(_ type: ElementType) -> SampleStorage {
        SampleStorage(elementType: type, chunk: labelChunk, codec: NoCodec(), compressor: nil)
    }

    /// Chunk names `0.0.0`.
    private static func dotted(_ type: ElementType) -> SampleStorage {
        var storage = zstd(type)
        storage.separator = "."
        return storage
    }

    /// Chunks of nothing but 0 are there.
    private static func stored(_ type: ElementType) -> SampleStorage {
        var storage = zstd(type)
        storage.storesEmptyChunks = true
        return storage
    }
}
