import Elements
import Stores
import TestSupport
import Testing

@testable import SampleStore

@Suite struct SampleConformanceTests {
    /// A folder of the sample, as large as a crop.
    @Test func theSampleIsAStoreLikeOthers() async throws {
        let folder = "smp_mus-liver/smp_mus-liver.zarr/recon-1/labels/groundtruth/crop124"
        let store = SampleStore(url: try StoreURL("sample:\(folder)"), bucket: SampleBucketTests.bucket)
        var objects: [ByteName: [UInt8]] = [:]
        var ahead = [""]
        while let next = ahead.popLast() {
            let listing = try await store.list(next)
            ahead += listing.prefixes.map { ObjectKey.join(next, $0) }
            for key in listing.objects.map({ ObjectKey.join(next, $0.name) }) {
                objects[ByteName(key)] = SampleBucketTests.bucket.object("\(folder)/\(key)")?.array
            }
        }
        #expect(objects.count > 20)
        #expect(await StoreConformance(objects: objects).complaints(about: store) == [])
    }
}
