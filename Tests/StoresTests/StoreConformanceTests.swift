import Codecs
import Elements
import Foundation
import TestSupport
import Testing

@testable import Stores

/// The same objects in each kind of store, and the same answers.
@Suite(.timeLimit(.minutes(10))) struct StoreConformanceTests {
    private static let objects = StoreConformance.hardObjects
    private let conformance = StoreConformance(objects: objects)

    @Test func files() async throws {
        let scratch = Scratch()
        for (key, bytes) in Self.objects { try scratch.write(bytes, to: key.text) }
        let store = try openOutsideStore(
            StoreURL("file://\(scratch.path)"), options: StoreOptions(environment: [:]), counter: TransferCounter())
        #expect(await conformance.complaints(about: store) == [])
    }

    @Test func zipFiles() async throws {
        let scratch = Scratch()
        let members = Self.objects.map { key, bytes in
            ZipStoreTests.Member(
                name: key.text, stored: bytes, byteCount: bytes.count, crc32: Checksum.crc32(bytes.span.bytes))
        }
        try scratch.write(ZipStoreTests.zip(members), to: "a.zip")
        let store = try openOutsideStore(
            StoreURL("file://\(scratch.path)/a.zip"), options: StoreOptions(environment: [:]),
            counter: TransferCounter())
        #expect(await conformance.complaints(about: store) == [])
    }

    @Test(arguments: ["s3://bucket", "s3://bucket/pre fix"]) func s3(url: String) async throws {
        let bucket = MemoryBucket(Self.objects, prefix: url.hasSuffix("bucket") ? "" : "pre fix/")
        try await MiniServer.run {
            bucket.s3($0)
        } body: { server in
            let store = try Bench().s3(server, url)
            #expect(await conformance.complaints(about: store) == [])
        }
    }

    @Test func http() async throws {
        let bucket = MemoryBucket(Self.objects, prefix: "")
        try await MiniServer.run {
            bucket.http($0)
        } body: { server in
            let store = try Bench().http(server)
            #expect(await conformance.complaints(about: store) == [])
        }
    }

    /// Each fault of a store is seen.
    @Test(arguments: FaultyStore.Fault.allCases) func faultsAreFound(fault: FaultyStore.Fault) async throws {
        let scratch = Scratch()
        for (key, bytes) in Self.objects { try scratch.write(bytes, to: key.text) }
        let store = try openOutsideStore(
            StoreURL("file://\(scratch.path)"), options: StoreOptions(environment: [:]), counter: TransferCounter())
        #expect(await conformance.complaints(about: FaultyStore(base: store, fault: fault)) != [])
    }
}
