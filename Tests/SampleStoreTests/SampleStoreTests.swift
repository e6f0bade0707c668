import Elements
import Stores
import Testing

@testable import SampleStore

@Suite struct SampleStoreTests {
    private static let store = SampleStore(bucket: SampleBucketTests.bucket)
    private static let chunk = "\(SampleBucketTests.hela)/em/fibsem-uint8/s0/0/0/0"

    private var store: SampleStore { Self.store }

    @Test func givesWholeObjectsPartsAndNothing() async throws {
        let body = try unwrap(SampleBucketTests.bucket.object(Self.chunk)).array
        let whole = try unwrap(await store.get(Self.chunk, range: nil, maximumBytes: 1 << 20))
        #expect(whole.bytes.array == body)
        let part = try unwrap(await store.get(Self.chunk, range: 3..<9, maximumBytes: 6))
        #expect(part.bytes.array == Array(body[3..<9]))
        #expect(part.etag == whole.etag && whole.etag?.hasPrefix("sample-") == true)
        let tail = try unwrap(
            await store.get(Self.chunk, range: (body.count - 2)..<(body.count + 50), maximumBytes: 64))
        #expect(tail.bytes.array == Array(body.suffix(2)))
        let missing = try await store.get(
            "\(SampleBucketTests.hela)/em/fibsem-uint8/s0/0/0/4", range: nil, maximumBytes: 1 << 20)
        #expect(missing == nil)
    }

    @Test func objectsHaveEnds() async throws {
        let key = "smp_mus-liver/smp_mus-liver.zarr/recon-1/.zgroup"
        let whole = try unwrap(await store.get(key, part: .whole, maximumBytes: 1000)).bytes.array
        let end = try unwrap(await store.get(key, part: .suffix(4), maximumBytes: 1000))
        #expect(end.bytes.array == Array(whole.suffix(4)) && end.objectByteCount == whole.count)
    }

    @Test func refusesWhatIsTooLargeOutOfRangeOrNoKey() async throws {
        func code(_ key: String, _ range: Range<Int>?, _ maximumBytes: Int) async -> StoreError.Code? {
            do throws(StoreError) {
                _ = try await store.get(key, range: range, maximumBytes: maximumBytes)
                return nil
            } catch {
                return error.code
            }
        }
        #expect(await code(Self.chunk, nil, 100) == .tooLarge)
        #expect(await code(Self.chunk, 0..<101, 100) == .tooLarge)
        #expect(await code(Self.chunk, 10_000_000..<10_000_001, 100) == .badRequest)
        #expect(await code("a/../b", nil, 100) == .badKey)
        #expect(await code(Self.chunk, 0..<100, 100) == nil)
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
