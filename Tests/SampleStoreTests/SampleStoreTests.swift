import Elements
import Stores
import TestSupport
import Testing

@testable import SampleStore

@Suite struct SampleStoreTests {
    private static let store = SampleStore(bucket: SampleBucketTests.bucket)

    private var store: SampleStore { Self.store }

    /// A folder of the sample, as large as a crop.
    @Test func doesWhatEveryStoreMust() async throws {
        let folder = "smp_mus-liver/smp_mus-liver.zarr/recon-1/labels/groundtruth/crop124"
        let store = SampleStore(url: try StoreURL("sample:\(folder)"), bucket: SampleBucketTests.bucket)
        var objects: [ByteName: [UInt8]] = [:]
        var ahead = [""]
        while let next = ahead.popLast() {
            let listing = try await store.list(next)
            let start = next.isEmpty ? "" : "\(next)/"
            ahead += listing.prefixes.map { start + $0 }
            for key in listing.objects.map({ start + $0.name }) {
                objects[ByteName(key)] = SampleBucketTests.bucket.object("\(folder)/\(key)")?.array
            }
        }
        #expect(objects.count > 20)
        #expect(await StoreConformance(objects: objects).complaints(about: store) == [])
    }

    @Test func listsTheRootAndAGroup() async throws {
        let root = try await store.list("")
        #expect(root.objects.isEmpty)
        #expect(
            root.prefixes == [
                "csc-zipped-data", "smp_cos7-1a", "smp_hela-2", "smp_mus-kidney", "smp_mus-liver", "smp_mus-nacc-2",
            ])
        let group = try await store.list("\(SampleBucketTests.hela)/em/fibsem-uint8")
        #expect(group.prefixes == ["s0", "s1", "s2", "s3", "s4", "s5"])
        #expect(group.objects.map(\.name) == [".zattrs", ".zgroup"])
        let size = SampleBucketTests.bucket.object("\(SampleBucketTests.hela)/em/fibsem-uint8/.zattrs")?.count
        #expect(group.objects.first?.size == size)
        #expect(try await store.list("nothing") == Listing())
        let chunks = try await store.list("\(SampleBucketTests.hela)/em/fibsem-uint8/s1/0/0")
        #expect(chunks.objects.map(\.name) == ["0", "1"])
    }

    @Test func aFolderOfTheBucketIsAStoreToo() async throws {
        let part = SampleStore(url: try StoreURL("sample:smp_mus-liver"), bucket: SampleBucketTests.bucket)
        #expect(try await part.list("").prefixes == ["smp_mus-liver.zarr"])
        let key = "smp_mus-liver.zarr/recon-1/.zgroup"
        let object = try unwrap(await part.get(key, range: nil, maximumBytes: 100))
        #expect(object.bytes.array == SampleBucketTests.bucket.object("smp_mus-liver/\(key)")?.array)
    }
}
