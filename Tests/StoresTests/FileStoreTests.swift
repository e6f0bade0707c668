import Elements
import Foundation
import TestSupport
import Testing

@testable import Stores

@Suite struct FileStoreTests {
    private let scratch = Scratch()
    private var folder: URL { scratch.url }
    private let store: any ObjectStore
    private let counter = TransferCounter()

    init() throws {
        let folder = scratch.url
        let root = folder.appending(path: "root")
        try FileManager.default.createDirectory(at: root.appending(path: "s0/0"), withIntermediateDirectories: true)
        try Data("hello".utf8).write(to: root.appending(path: "s0/chunk"))
        try Data("{}".utf8).write(to: root.appending(path: ".zattrs"))
        try Data("secret".utf8).write(to: folder.appending(path: "outside"))
        try FileManager.default.createSymbolicLink(
            at: root.appending(path: "link"), withDestinationURL: root.appending(path: "s0"))
        mkfifo(root.appending(path: "pipe").path, 0o600)
        store = try openOutsideStore(
            StoreURL("file://\(root.path)"), options: StoreOptions(environment: [:]), counter: counter)
    }

    @Test func reads() async throws {
        #expect(try await store.text("s0/chunk") == "hello")
        #expect(try await store.text("link/chunk") == "hello")
        #expect(try await store.text("s0/chunk", range: 1..<3) == "el")
        #expect(try await store.text("s0/chunk", range: 3..<99) == "lo")
        let object = try await store.get("s0/chunk", range: nil, maximumBytes: 5)
        #expect(object?.etag?.hasSuffix("-5") == true)
        #expect(counter.snapshot == .init(requests: 5, bytes: 19, retries: 0))
    }

    @Test func saysWhatIsNotBehindALink() async throws {
        #expect(try await store.text("link/nothing") == nil)
        #expect(try await store.head("link/nothing").metadata == nil)
    }

    /// Only that there is no entry of a name proves that an object is not stored.
    @Test(arguments: [
        ("s0", "a folder"), ("pipe", "a pipe"),
        ("s0/chunk/deeper", "root/s0/chunk lies in the way of the key: it is a file"),
        ("dangling", "the symbolic link"), ("dangling", "../annex/objects/x"),
        ("dangling/deeper", "../annex/objects/x"),
        ("s0/loop", "the symbolic link"), (String(repeating: "n", count: 300), "name too long"),
    ])
    func whatIsInTheWayIsAnError(key: String, words: String) async throws {
        let root = folder.appending(path: "root").path
        symlink("../annex/objects/x", root + "/dangling")
        symlink("loop", root + "/s0/loop")
        let error = await failure { try await store.text(key) }
        #expect(error?.code == .file)
        #expect(error?.message.lowercased().contains(words) == true, "\(error?.message ?? "nothing")")
        #expect(await failure { try await store.head(key) }?.code == .file)
    }

    @Test func aLinkThatLeadsNowhereIsListed() async throws {
        symlink("/nowhere/at/all", folder.appending(path: "root/s0/gone").path)
        let listing = try await store.list("s0")
        #expect(listing.objects.map(\.name) == ["chunk", "gone"])
        #expect(listing.prefixes == ["0", "gone"])
        #expect(await failure { try await store.list("s0/gone") }?.message.contains("/nowhere/at/all") == true)
    }

    @Test func someFaultsPass() {
        for errno in [ESTALE, ETIMEDOUT, EMFILE] {
            #expect(StoreError(FileStore.code(errno), url: "", message: "").isRetryable)
        }
        for errno in [EACCES, ENAMETOOLONG, ELOOP, EIO, ENOENT] {
            #expect(!StoreError(FileStore.code(errno), url: "", message: "").isRetryable)
        }
    }

    @Test func theNameOfTheRootIsBytes() async throws {
        let root = folder.appending(path: "root").path
        try scratch.write(Array("deep".utf8), to: "root/\u{301}x/k")
        let inner = try openOutsideStore(
            StoreURL("file://\(root)/\u{301}x"), options: StoreOptions(environment: [:]), counter: counter)
        #expect(try await inner.text("k") == "deep")
    }

    @Test func refusesDevices() async throws {
        let devices = try openOutsideStore(
            StoreURL("file:///dev"), options: StoreOptions(environment: [:]), counter: counter)
        #expect(await failure { try await devices.text("null") }?.code == .file)
    }

    @Test func aLinkIsAFolderAndAFileIsNone() async throws {
        let listing = try await store.list("")
        #expect(listing.prefixes == ["link", "s0"])
        #expect(listing.objects.map(\.name) == [".zattrs"])
        #expect(try await store.list("s0/chunk") == Listing())
    }

    @Test func aMissingRootIsAnError() async throws {
        let url = try StoreURL("file://\(folder.path)/nowhere")
        let store = try openOutsideStore(url, options: StoreOptions(environment: [:]), counter: counter)
        #expect(await failure { try await store.text("k") }?.code == .noSuchStore)
        #expect(await failure { try await store.list("") }?.code == .noSuchStore)
    }
}
