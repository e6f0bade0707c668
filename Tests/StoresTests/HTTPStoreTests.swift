import Elements
import Foundation
import Testing

@testable import Stores

@Suite(.timeLimit(.minutes(10))) struct HTTPStoreTests {
    @Test func getsAndLists() async throws {
        try await MiniServer.run { request in
            switch request.target {
            case "/data/a%20b/k": .answer(200, headers: ["ETag": "\"66f-5\""], body: "hello")
            case "/data/a%20b/":
                .answer(200, body: "<a href=\"../\">..</a><a href=\"/data/a%20b/s0/\">s0</a><a href=k>k</a>")
            case "/data/": .answer(200, body: "[{\"name\": \"a b\", \"type\": \"directory\"}]")
            default: .answer(404, body: "<html>not found</html>")
            }
        } body: { server in
            let store = try Bench().http(server)
            let object = try await store.get("a b/k", range: nil, maximumBytes: 5)
            #expect(object?.etag == "66f-5")
            #expect(try await store.list("").prefixes == ["a b"])
            let expected = Listing(prefixes: ["s0"], objects: [ListedObject(name: "k", size: nil, etag: nil)])
            #expect(try await store.list("a b") == expected)
        }
    }

    @Test func followsRedirects() async throws {
        try await MiniServer.run { request in
            switch request.target {
            case "/data/k": .answer(302, headers: ["Location": "/other/k"])
            case "/other/k": .answer(200, body: "hello")
            case "/data/away": .answer(301, headers: ["Location": "ftp://127.0.0.1/x"])
            case "/data/file": .answer(301, headers: ["Location": "file:///etc/passwd"])
            case "/data/folder/": .answer(301, headers: ["Location": "/moved/"])
            case "/moved/": .answer(200, body: "<a href=\"/moved/s0/\">s0</a>")
            default: .answer(302, headers: ["Location": "/data/loop\(request.number)"])
            }
        } body: { server in
            let store = try Bench().http(server)
            #expect(try await store.text("k") == "hello")
            #expect(try await store.list("folder").prefixes == ["s0"])
            for key in ["away", "file"] {
                #expect(await failure { try await store.text(key) }?.httpStatus == 301)
            }
            let before = server.requests.count
            #expect(await failure { try await store.text("loop") }?.code == .badRequest)
            #expect(server.requests.count - before == 6)
        }
    }

    /// What an address that a redirect leads to does not have is no proof about the one that was asked for.
    @Test func absenceBehindARedirectIsNoProof() async throws {
        try await MiniServer.run { request in
            switch request.target {
            case "/data/gone": .answer(410)
            case "/data/moved", "/data/folder/": .answer(302, headers: ["Location": "/login"])
            case "/data/bucketless": .answer(404, body: "<Error><Code>NoSuchBucket</Code></Error>")
            default: .answer(404, headers: ["Content-Type": "text/html"], body: "<html>who are you?</html>")
            }
        } body: { server in
            let store = try Bench().http(server)
            #expect(try await store.text("nothing") == nil)
            #expect(try await store.text("gone") == nil)
            #expect(try await store.head("gone").metadata == nil)
            let error = await failure { try await store.text("moved") }
            #expect(
                error?.description.contains("redirected to \(server.endpoint)/login") == true,
                "\(error?.description ?? "")")
            #expect(error?.message.contains("who are you?") == true)
            #expect(await failure { try await store.head("moved") }?.httpStatus == 404)
            #expect(await failure { try await store.list("folder") }?.httpStatus == 404)
            #expect(await failure { try await store.text("bucketless") }?.code == .noSuchStore)
        }
    }

    @Test func redirectsNeverLoseProtection() {
        #expect(HTTPStore.mayFollow("https://b/x", from: "http://a/x"))
        #expect(HTTPStore.mayFollow("http://b/x", from: "http://a/x"))
        #expect(!HTTPStore.mayFollow("http://b/x", from: "https://a/x"))
        #expect(!HTTPStore.mayFollow("https://user@b/x", from: "https://a/x"))
        #expect(!HTTPStore.mayFollow("gopher://b/x", from: "http://a/x"))
    }

    @Test func aPageThatIsNoIndexIsAnError() async throws {
        try await MiniServer.run { _ in
            .answer(200, body: "<html>Welcome!</html>")
        } body: { server in
            let error = await failure { try await Bench().http(server).list("") }
            #expect(error?.code == .malformedListing)
        }
    }
}
