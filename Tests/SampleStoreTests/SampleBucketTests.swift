import Elements
import JSONText
import Testing

@testable import SampleStore

@Suite struct SampleBucketTests {
    static let bucket = SampleBucket(cacheLimit: 256 << 20)
    static let keys = bucket.keys
    static let hela = "smp_hela-2/smp_hela-2.zarr/recon-1"
    static let liver = "smp_mus-liver/smp_mus-liver.zarr/recon-1"
    static let nacc = "smp_mus-nacc-2/smp_mus-nacc-2.zarr/recon-2"
    static let kidney = "smp_mus-kidney/smp_mus-kidney.zarr/recon-1"
    static let cos7 = "smp_cos7-1a/smp_cos7-1a.zarr/recon-1"
    static let raws = [
        "\(hela)/em/fibsem-uint8", "\(liver)/em/fibsem-uint8", "\(nacc)/em/fibsem-int16", "\(kidney)/em/fibsem-uint8",
        "\(cos7)/em/fibsem-uint8",
    ]
    /// The groups that have levels.
    static let images = Set(
        keys.filter { $0.hasSuffix("/s0/.zarray") }.map { String($0.dropLast("/s0/.zarray".count)) }
    ).sorted()
    static let crops = [
        "\(hela)/labels/groundtruth/crop1", "\(hela)/labels/groundtruth/crop23",
        "\(liver)/labels/groundtruth/crop124", "\(liver)/labels/groundtruth/crop131",
        "\(liver)/labels/groundtruth/crop145", "\(liver)/labels/groundtruth/crop177",
        "\(nacc)/labels/groundtruth/crop301", "\(liver)/labels/groundtruth/crop132",
        "\(liver)/labels/groundtruth/crop178", "\(liver)/labels/groundtruth/crop282",
        "\(nacc)/labels/groundtruth/crop302",
    ]

    private var bucket: SampleBucket { Self.bucket }

    /// FNV-1a over 8-byte words, keys included. Computed from decoded content, so that it does not depend on the
    /// versions of the compression libraries.
    private func digest(_ keys: some Sequence<String>, of bucket: SampleBucket) throws -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ bytes: UnsafeRawBufferPointer) {
            var offset = 0
            while offset < bytes.count {
                var word: UInt64 = 0
                if offset + 8 <= bytes.count {
                    word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                } else {
                    for index in offset..<bytes.count { word = word << 8 | UInt64(bytes[index]) }
                }
                hash = (hash ^ word) &* 0x100_0000_01b3
                offset += 8
            }
        }
        for key in keys {
            Array(key.utf8).withUnsafeBytes { add($0) }
            try unwrap(bucket.decodedObject(key)).withUnsafeBytes { add($0) }
        }
        return String(hash, radix: 16)
    }

    @Test(arguments: [
        ("csc-zipped-data", "6e7c23e058c5856a"), ("smp_cos7-1a", "cdeca4e9d63f2b1c"),
        ("smp_hela-2", "1dfbaf15f82868a7"), ("smp_mus-kidney", "8013931fe7c555ff"),
        ("smp_mus-liver", "32a295ea263532a7"), ("smp_mus-nacc-2", "34cce505f165acd2"),
    ])
    func contentIsPinned(folder: String, expected: String) throws {
        let keys = Self.keys.filter { $0.hasPrefix(folder + "/") }
        #expect(!keys.isEmpty)
        let actual = try digest(keys, of: bucket)
        #expect(actual == expected)
    }

    @Test func keysAreSortedUniqueAndComplete() {
        #expect(Self.keys == Set(Self.keys).sorted())
        #expect(
            Set(Self.keys.compactMap { $0.split(separator: "/").first }) == [
                "csc-zipped-data", "smp_cos7-1a", "smp_hela-2", "smp_mus-kidney", "smp_mus-liver", "smp_mus-nacc-2",
            ])
        #expect(Self.keys.contains("csc-zipped-data/readme.txt"))
        #expect(!Self.keys.contains { $0.hasSuffix(".zmetadata") })
    }

    /// Another bucket, asked from several threads in another order, gives the same bytes.
    @Test func bytesDoNotDependOnOrderOrThread() async throws {
        let keys = Self.keys.filter { $0.hasPrefix("\(Self.nacc)/labels") || $0.hasPrefix("\(Self.cos7)/em") }
        #expect(keys.count > 50)
        let other = SampleBucket()
        let bodies = await withTaskGroup(of: (String, [UInt8]?).self) { group in
            for key in keys.reversed() { group.addTask { (key, other.object(key)?.array) } }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        for key in keys { #expect(bodies[key] == bucket.object(key)?.array, "\(key)") }
    }

    @Test func arraysAndLevelsFitTheirMetadata() throws {
        #expect(Self.images.count == 34)
        for image in Self.images {
            let attributes = try metadata(bucket, "\(image)/.zattrs")
            let multiscale = try unwrap(attributes["multiscales"]?[0])
            #expect(multiscale["axes"]?.array?.compactMap { $0["name"]?.string } == ["z", "y", "x"])
            let datasets = try unwrap(multiscale["datasets"]?.array)
            let arrays = Self.keys.filter { $0.hasPrefix(image + "/s") && $0.hasSuffix("/.zarray") }
            #expect(datasets.count == arrays.count)
            let roundsUp =
                image.hasPrefix("smp_hela-2") && image.contains("/em/") || image.hasPrefix("smp_mus-kidney")
                || image.hasPrefix("smp_cos7")
            var finer: (shape: [Int], scale: [Double], translation: [Double])?
            for (level, dataset) in datasets.enumerated() {
                #expect(dataset["path"]?.string == "s\(level)")
                let scale = try numbers(dataset["coordinateTransformations"]?[0]?["scale"])
                let translation = try numbers(dataset["coordinateTransformations"]?[1]?["translation"])
                let array = try metadata(bucket, "\(image)/s\(level)/.zarray")
                let shape = try integers(array["shape"])
                #expect(array["zarr_format"]?.integer == 2)
                #expect(array["order"]?.string == "C")
                #expect(array["fill_value"]?.integer == 0)
                #expect(array["filters"] == JSONValue.null)
                #expect(array["compressor"] != nil)
                if let finer {
                    #expect(shape == finer.shape.map { roundsUp ? ($0 + 1) / 2 : $0 / 2 }, "\(image) s\(level)")
                    for axis in 0..<3 {
                        #expect((scale[axis] - 2 * finer.scale[axis]).magnitude < 1e-9)
                        let centre = finer.translation[axis] + finer.scale[axis] / 2
                        #expect((translation[axis] - centre).magnitude < 1e-9)
                    }
                }
                finer = (shape, scale, translation)
            }
        }
    }

    @Test func rawIsSmallAndOfTheDescribedKinds() throws {
        var bytes = 0
        for key in Self.keys where key.contains("/em/") && key.hasSuffix("/.zarray") {
            let array = try metadata(bucket, key)
            bytes += try integers(array["shape"]).reduce(1, *) * (array["dtype"]?.string == "<i2" ? 2 : 1)
        }
        #expect(bytes < 40 << 20)
        let compressors = try Self.raws.map { try unwrap(metadata(bucket, "\($0)/s0/.zarray")["compressor"]) }
        #expect(compressors[0] == ["id": "zstd", "level": 6, "checksum": false])
        #expect(compressors[1] == ["id": "zstd", "level": 6])
        #expect(compressors[2] == ["id": "zstd", "level": 1])
        #expect(compressors[3]["id"] == "blosc")
        #expect(compressors[4]["checksum"] == true)
        let noisy = try unwrap(bucket.object("\(Self.raws[2])/.zattrs"))
        #expect(String(decoding: noisy.array, as: UTF8.self).contains("11.840000000000002"))
        #expect(try metadata(bucket, "\(Self.raws[0])/.zattrs")["multiscales"]?[0]?["metadata"] == JSONValue.null)
    }

    @Test(
        arguments: [
            ("\(hela)/em/fibsem-uint8/s0/0/0/0", [0x28, 0xb5, 0x2f, 0xfd]),
            ("\(kidney)/em/fibsem-uint8/s0/0/0/0", [0x02, 0x01]),
            ("\(nacc)/em/fibsem-int16/s0/0/0/0", [0x28, 0xb5, 0x2f, 0xfd]),
            ("\(hela)/labels/groundtruth/crop1/mito/s0/0/0/0", [0x1f, 0x8b]),
            ("\(hela)/labels/groundtruth/crop23/mito/s0/0/0/0", [0x02, 0x01]),
            ("\(hela)/labels/groundtruth/crop23/all/s0/0.0.0", [0x28, 0xb5, 0x2f, 0xfd]),
        ] as [(String, [UInt8])])
    func chunksAreEncodedAsTheMetadataSay(key: String, magic: [UInt8]) throws {
        #expect(try unwrap(bucket.object(key)).array.starts(with: magic))
    }

    @Test func uncompressedChunksAreTheVoxels() throws {
        let key = "\(Self.hela)/labels/groundtruth/crop1/mito_mem/s0/0/0/0"
        #expect(
            try metadata(bucket, "\(Self.hela)/labels/groundtruth/crop1/mito_mem/s0/.zarray")["compressor"]
                == JSONValue.null)
        let body = try unwrap(bucket.object(key)).array
        #expect(body == bucket.decodedObject(key)?.array)
        #expect(body.count == 64 * 64 * 64)
        #expect(Set(body) == [0, 1])
    }

    @Test(arguments: [
        "", "/", ".", "smp_hela-2", "nothing", "\(hela)/em/fibsem-uint8", "\(hela)/em/fibsem-uint8/s0",
        "\(hela)/em/fibsem-uint8/s0/", "\(hela)/em/fibsem-uint8/s0/0/0", "\(hela)/em/fibsem-uint8/s0/0/0/0/0",
        "\(hela)/em/fibsem-uint8/s0/00/0/0", "\(hela)/em/fibsem-uint8/s0/+0/0/0", "\(hela)/em/fibsem-uint8/s0/-1/0/0",
        "\(hela)/em/fibsem-uint8/s0/5/0/0", "\(hela)/em/fibsem-uint8/s0/0/0/5", "\(hela)/em/fibsem-uint8/s0/0.0.0",
        "\(hela)/em/fibsem-uint8/s0/99999999999999999999/0/0", "\(hela)/em/fibsem-uint8/s6/0/0/0",
        "\(hela)/labels/groundtruth/crop23/all/s0/0/0/0", "\(hela)/em/fibsem-uint8/s0/x/y/z", "//\(hela)/.zgroup",
    ])
    func keysOfNothingAreNil(key: String) {
        #expect(bucket.object(key) == nil)
        #expect(bucket.decodedObject(key) == nil)
    }

    @Test func whatWasNotImagedIsUnstored() throws {
        for (level, column) in [(0, 4), (1, 2), (2, 1)] {
            let raw = try SampleVolume(bucket, "\(Self.raws[0])/s\(level)")
            #expect(!raw.unstored.isEmpty && raw.unstored.allSatisfy { $0.hasSuffix("/\(column)") })
            #expect(!raw.stored.contains { $0.hasSuffix("/\(column)") })
            #expect(Set(Self.keys).isDisjoint(with: raw.unstored))
            #expect(Set(Self.keys).isSuperset(of: raw.stored))
            // What was imaged is never 0, so a lost chunk is seen.
            let imaged = 256 >> level
            for x in 0..<raw.shape[2] { #expect((raw[3, 5, x] == 0) == (x >= imaged), "s\(level) x \(x)") }
        }
    }

    @Test func emptyLabelChunksAreUnstoredOrStored() throws {
        let empty = try SampleVolume(bucket, "\(Self.liver)/labels/groundtruth/crop145/mito/s0")
        #expect(empty.stored.isEmpty)
        let partly = try SampleVolume(bucket, "\(Self.liver)/labels/groundtruth/crop124/mito/s0")
        #expect(!partly.stored.isEmpty && !partly.unstored.isEmpty)
        let full = try SampleVolume(bucket, "\(Self.liver)/labels/groundtruth/crop124/er/s0")
        #expect(full.unstored.isEmpty)
        #expect(full.stored.contains { bucket.decodedObject($0)?.array.allSatisfy { $0 == 0 } == true })
    }

    @Test(arguments: [
        "", "csc-zipped-data", hela, "\(hela)/em/fibsem-uint8", "\(hela)/em/fibsem-uint8/s0",
        "\(hela)/em/fibsem-uint8/s0/0", "\(hela)/em/fibsem-uint8/s0/0/0", "\(hela)/labels/groundtruth/crop23/all/s0",
        "\(liver)/labels/groundtruth/crop145/mito/s0", "\(kidney)/labels", "nothing", "smp_hela-2/smp",
    ])
    func childrenAreThoseOfTheKeys(folder: String) {
        let prefix = folder.isEmpty ? "" : folder + "/"
        let below = Self.keys.filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.count) }
        let (folders, objects) = bucket.children(of: folder)
        #expect(
            folders
                == Set(
                    below.filter { $0.contains("/") }.compactMap { $0.split(separator: "/").first.map { String($0) } }
                ).sorted())
        #expect(objects == below.filter { !$0.contains("/") }.map { String($0) })
    }
}
