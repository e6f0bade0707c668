import Elements
import Foundation
import Testing

@testable import Stores

@Suite final class FileStoreTests {
    private let folder: URL
    private let store: any ObjectStore
    private let counter = TransferCounter()

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "cristae-\(UUID().uuidString)")
        let root = folder.appending(path: "root")
        try FileManager.default.createDirectory(at: root.appending(path: "s0/0"), withIntermediateDirectories: true)
        try Data("hello".utf8).write(to: root.appending(path: "s0/chunk"))
        try Data("{}".utf8).write(to: root.appending(path: ".zattrs"))
        try Data("secret".utf8).write(to: folder.appending(path: "outside"))
        try FileManager.default.createSymbolicLink(
            at: root.appending(path: "link"), withDestinationURL: root.appending(path: "s0"))
        mkfifo(root.appending(path: "pipe").path, 0o600)
        store = try openStore(
            StoreURL("file://\(root.path)"), options: StoreOptions(environment: [:]), counter: counter)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    @Test func reads() async throws {
        #expect(try await store.text("s0/chunk") == "hello")
        #expect(try await store.text("link/chunk") == "hello")
        #expect(try await store.text("s0/chunk", range: 1..<3) == "el")
        #expect(try await store.text("s0/chunk", range: 3..<99) == "lo")
        let object = try await store.get("s0/chunk", range: nil, maximumBytes: 5)
        #expect(object?.etag?.hasSuffix("-5") == true)
        #expect(counter.snapshot == .init(requests: 5, bytes: 19, retries: 0))
    }

    @Test(arguments: ["nothing", "s0", "s0/chunk/deeper", "s0/nothing/x"])
    func saysWhatIsNotThere(key: String) async throws {
        #expect(try await store.text(key) == nil)
    }

    @Test(arguments: [
        ("../outside", "badKey"), ("/etc/passwd", "badKey"), ("s0/../../outside", "badKey"), ("pipe", "file"),
    ])
    func refuses(key: String, code: String) async throws {
        let error = await failure { try await store.text(key) }
        #expect(error?.code.rawValue == code)
    }

    @Test func refusesDevicesSizesAndRanges() async throws {
        let devices = try openStore(StoreURL("file:///dev"), options: StoreOptions(environment: [:]), counter: counter)
        #expect(await failure { try await devices.text("null") }?.code == .file)
        #expect(
            await failure { try await store.text("s0/chunk", maximumBytes: 4) }?.code
                == .tooLarge)
        let beyond = await failure { try await store.text("s0/chunk", range: 5..<6) }
        #expect(beyond?.httpStatus == 416)
        #expect(
            await failure { try await store.text("s0/chunk", range: 2..<2) }?.code
                == .badRequest)
    }

    @Test func lists() async throws {
        let listing = try await store.list("")
        #expect(listing.prefixes == ["link", "s0"])
        #expect(listing.objects.map(\.name) == [".zattrs"])
        #expect(listing.objects.map(\.size) == [2])
        #expect(try await store.list("s0").prefixes == ["0"])
        #expect(try await store.list("nothing/here") == Listing())
        #expect(try await store.list("s0/chunk") == Listing())
        #expect(await failure { try await store.list("..") }?.code == .badKey)
    }

    @Test func aMissingRootIsAnError() async throws {
        let url = try StoreURL("file://\(folder.path)/nowhere")
        let store = try openStore(url, options: StoreOptions(environment: [:]), counter: counter)
        #expect(await failure { try await store.text("k") }?.code == .noSuchStore)
        #expect(await failure { try await store.list("") }?.code == .noSuchStore)
    }
}
