import Elements
import Foundation
import Testing

@testable import Stores

/// The last bytes of objects, from servers that know such requests and from others.
@Suite(.timeLimit(.minutes(10))) struct ObjectPartTests {
    private func suffix(
        _ store: some ObjectStore, _ count: Int, key: String = "k"
    ) async throws -> (text: String, size: Int?, etag: String?)? {
        try await store.get(key, part: .suffix(count), maximumBytes: count).map {
            (String(decoding: $0.bytes.array, as: UTF8.self), $0.objectByteCount, $0.etag)
        }
    }

    @Test func serversGiveTheLastBytes() async throws {
        try await MiniServer.run { request in
            guard request.target.hasSuffix("k") else { return .answer(404, headers: ["x-amz-request-id": "1"]) }
            guard request.headers["range"] == "bytes=-3" else { return .answer(400) }
            return .answer(206, headers: ["Content-Range": "bytes 2-4/5", "ETag": "\"v1\""], body: "llo")
        } body: { server in
            for store in [try Bench().http(server) as any ObjectStore, try Bench().s3(server)] {
                let found = try #require(try await suffix(store, 3))
                #expect(found.text == "llo" && found.size == 5 && found.etag == "v1")
                #expect(try await suffix(store, 3, key: "none") == nil)
            }
        }
    }

    @Test func shortObjectsComeWhole() async throws {
        try await MiniServer.run { _ in
            .answer(200, body: "he")
        } body: { server in
            let found = try #require(try await suffix(try Bench().http(server), 3))
            #expect(found.text == "he" && found.size == 2)
        }
    }

    /// The body is not read: what is wanted is asked for by its place.
    @Test func serversThatSendTheWholeObjectAreAskedAgain() async throws {
        let long = String(repeating: "x", count: 1 << 20) + "end"
        try await MiniServer.run { request in
            guard let range = request.headers["range"], !range.hasPrefix("bytes=-") else {
                return .answer(200, body: long)
            }
            #expect(range == "bytes=\(1 << 20)-\(1 << 20 + 2)")
            let total = 1 << 20 + 3
            return .answer(
                206, headers: ["Content-Range": "bytes \(total - 3)-\(total - 1)/\(total)"], body: "end")
        } body: { server in
            for store in [try Bench().http(server) as any ObjectStore, try Bench().s3(server)] {
                let before = server.requests.count
                let found = try #require(try await suffix(store, 3))
                #expect(found.text == "end" && found.size == long.utf8.count)
                #expect(server.requests.count - before == 2)
            }
        }
    }

    @Test func serversWithoutAnyRangesGiveTheLastBytesToo() async throws {
        try await MiniServer.run { _ in
            .answer(200, body: "hello")
        } body: { server in
            let found = try #require(try await suffix(try Bench().http(server), 3))
            #expect(found.text == "llo" && found.size == 5)
        }
    }

    @Test func otherBytesAreRefused() async throws {
        try await MiniServer.run { _ in
            .answer(206, headers: ["Content-Range": "bytes 1-3/5"], body: "ell")
        } body: { server in
            #expect(await failure { try await suffix(try Bench().http(server), 3) }?.code == .corruptBody)
        }
    }

    @Test func rangesSayHowLongTheObjectIs() async throws {
        try await MiniServer.run { request in
            request.headers["range"] == nil
                ? .answer(200, body: "hello")
                : .answer(
                    206, headers: ["Content-Range": "bytes 1-2/5", "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"],
                    body: "el")
        } body: { server in
            let store = try Bench().http(server)
            #expect(try await store.get("k", range: 1..<3, maximumBytes: 9)?.objectByteCount == 5)
            #expect(try await store.get("k", range: nil, maximumBytes: 9)?.objectByteCount == 5)
            // Where there is no ETag, that tells versions apart.
            #expect(
                try await store.get("k", range: 1..<3, maximumBytes: 9)?.etag == "Mon, 01 Jan 2024 00:00:00 GMT")
        }
    }

}
