import Elements
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Stores

@Suite(.timeLimit(.minutes(10))) struct S3StoreTests {
    static let helloMark = "\"5d41402abc4b2a76b9719d911017c592\""

    @Test func getsAnObject() async throws {
        let bench = Bench()
        try await MiniServer.run { _ in
            .answer(200, headers: ["ETag": Self.helloMark], body: "hello")
        } body: { server in
            let object = try await bench.s3(server).get("a+b/é=1", range: nil, maximumBytes: 5)
            #expect(object?.bytes.array == Array("hello".utf8))
            #expect(object?.etag == "5d41402abc4b2a76b9719d911017c592")
            let request = try #require(server.requests.first)
            #expect(request.target == "/bucket/pre%20fix/a%2Bb/%C3%A9%3D1")
            #expect(request.headers["user-agent"] == "cristae")
            #expect(request.headers["authorization"] == nil)
        }
        #expect(bench.counter.snapshot == .init(requests: 1, bytes: 5, retries: 0))
    }

    @Test func aMissingKeyIsAnAnswer() async throws {
        try await MiniServer.run { request in
            let code = request.target.contains("bucketless") ? "NoSuchBucket" : "NoSuchKey"
            return .answer(404, body: "<Error><Code>\(code)</Code><Message>no\nnot here</Message></Error>")
        } body: { server in
            let store = try Bench().s3(server)
            #expect(try await store.text("k") == nil)
            let error = await failure { try await store.text("bucketless") }
            #expect(error?.code == .noSuchStore)
            #expect(error?.httpStatus == 404)
            #expect(error?.description.contains("\n") == false)
            #expect(server.requests.count == 2)
        }
    }

    private static let html = "<html>\n<head><title>404 Not \u{202E}Found</title></head>"

    /// Each with words that the error must have; nil where it is proof.
    @Test(arguments: [
        (MiniServer.Reply.answer(404, headers: ["x-amz-request-id": "1"]), nil as String?),
        (.answer(404, body: "<Error><Code>NoSuchVersion</Code></Error>"), nil),
        (.answer(404), "HTTP 404"),
        (
            .answer(404, headers: ["Content-Type": "text/html"], body: html),
            "404 (text/html, \"<html> <head><title>404 Not  Found"
        ),
        (.answer(404, headers: ["x-amz-request-id": "1"], body: "{\"error\": 1}"), "{\"error\": 1}"),
        (.answer(404, body: "<Error><Code></Code></Error>"), "HTTP 404"),
        (.answer(404, body: "<Error><Code>NotFound</Code></Error>"), "NotFound"),
        (.answer(404, body: "<Error><Code>NoSuchUpload</Code></Error>"), "NoSuchUpload"),
        (.answer(410), "HTTP 410"),
        (.answer(204), "HTTP 204"),
    ])
    func absenceNeedsProof(reply: MiniServer.Reply, words: String?) async throws {
        try await MiniServer.run { _ in
            reply
        } body: { server in
            let store = try Bench().s3(server)
            let error = await failure { try await store.text("k") }
            if let words {
                #expect(error?.message.contains(words) == true, "\(error?.message ?? "nothing")")
                #expect(error?.code == .badRequest)
            } else {
                #expect(error == nil)
            }
        }
    }

    @Test func aPageForPeopleIsNoAnswerToHead() async throws {
        try await MiniServer.run { _ in
            .answer(404, headers: ["Content-Type": "text/html; charset=utf-8"], body: Self.html)
        } body: { server in
            #expect(await failure { try await Bench().s3(server).head("k") }?.code == .badRequest)
            #expect(server.requests.map(\.method) == ["HEAD", "GET"])
        }
    }

    static let passingReplies: [(MiniServer.Reply, String)] = [
        (.answer(503, body: "<Error><Code>SlowDown</Code></Error>"), "throttled"),
        (.answer(500), "serverError"),
        (.answer(429, headers: ["Retry-After": "1"]), "throttled"),
        (.answer(400, body: "<Error><Code>RequestTimeout</Code></Error>"), "timeout"),
        (.answer(403, body: "<Error><Code>RequestTimeTooSkewed</Code></Error>"), "clockSkew"),
        (.short(length: 5, body: "hel"), "shortBody"),
        (.reset, "connection"),
        (.raw(""), "connection"),
        (.raw("what?\r\n\r\n"), "connection"),
        (.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"), "shortBody"),
        (.answer(200, headers: ["ETag": helloMark], body: "hellO"), "corruptBody"),
    ]

    @Test(arguments: passingReplies.indices)
    func triesAgainAfter(index: Int) async throws {
        let (reply, code) = Self.passingReplies[index]
        let bench = Bench()
        let gets = Atomic(0)
        try await MiniServer.run { request in
            if request.method == "HEAD" { return .answer(200) }
            let number = gets.add(1, ordering: .relaxed).newValue
            if number < 3 || request.target.hasSuffix("never") {
                // The same wrong bytes twice would be believed.
                if case .answer(200, let headers, _) = reply {
                    return .answer(200, headers: headers, body: "hell\(request.number)")
                }
                return reply
            }
            return .answer(200, headers: ["ETag": Self.helloMark], body: "hello")
        } body: { server in
            let store = try bench.s3(server)
            #expect(try await store.text("k") == "hello")
            #expect(server.requests.count { $0.method == "GET" } == 3)
            let error = await failure { try await store.text("never") }
            #expect(error?.code.rawValue == code)
            #expect(error?.tries == 4)
            // libcurl itself repeats a request when a kept connection turns out to be dead; and where there was no answer, the bucket is
            // asked for.
            let objects = server.requests.filter { $0.method == "GET" }
            #expect((7...14).contains(objects.count))
            #expect((4...5).contains(bench.counter.snapshot.retries))
        }
    }

    @Test(arguments: [
        (403, "<Error><Code>AccessDenied</Code></Error>", "forbidden"), (401, "", "forbidden"), (400, "", "badRequest"),
        (418, "<html>", "badRequest"), (301, "", "badRequest"), (204, "", "badRequest"), (304, "", "badRequest"),
        (404, "<Error><Code>NoSuchWebsiteConfiguration</Code></Error>", "badRequest"),
    ])
    func doesNotTryAgainAfter(status: Int, body: String, code: String) async throws {
        try await MiniServer.run { _ in
            .answer(status, body: body)
        } body: { server in
            let error = await failure { try await Bench().s3(server).text("k") }
            #expect(error?.code.rawValue == code)
            #expect(error?.httpStatus == status)
            #expect(server.requests.count == 1)
        }
    }

    @Test func nobodyListens() async throws {
        let server = try await MiniServer.run { _ in
            .reset
        } body: { server in
            server
        }
        let bench = Bench()
        let error = await failure { try await bench.s3(server).text("k") }
        #expect(error?.code == .unreachable)
        #expect(error?.message.contains("127.0.0.1:\(server.port): ") == true, "\(error?.message ?? "")")
        #expect(abs(bench.clock.now - 60) < 1)
        #expect(bench.told.all.first?.contains("127.0.0.1:\(server.port) does not answer") == true)
    }

    /// One object whose connections are always reset is not the store's fault, even where nobody else asks.
    @Test func oneObjectThatIsResetIsAnError() async throws {
        try await MiniServer.run { request in
            request.target.hasSuffix("bad") ? .reset : .answer(200, body: "x")
        } body: { server in
            let store = try Bench().s3(server)
            let error = await failure { try await store.text("bad") }
            #expect(error?.code == .connection)
            #expect(error?.tries == 4)
            #expect(try await store.text("good") == "x")
        }
    }

    @Test func signedRequestsStayAtTheirPort() async throws {
        var bench = Bench()
        bench.options.anonymous = false
        bench.options.environment = ["AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "hidden"]
        try await MiniServer.run { _ in
            .answer(200, body: "stolen")
        } body: { other in
            let places = [
                "http://127.0.0.1:\(other.port)/bucket/k", "https://127.0.0.1/bucket/k", "http://localhost/k",
            ]
            for place in places {
                try await MiniServer.run { _ in
                    .answer(307, headers: ["Location": place])
                } body: { server in
                    let error = await failure { try await bench.s3(server).text("k") }
                    #expect(error?.code == .badRequest)
                    #expect(error?.message.contains(place) == true, "\(error?.message ?? "nothing")")
                    #expect(error?.message.contains("signed") == true)
                }
            }
            #expect(other.requests.isEmpty)
        }
    }

    @Test func stallsAreNoticed() async throws {
        var bench = Bench()
        bench.options.stallSeconds = 1
        bench.options.maxAttempts = 2
        try await MiniServer.run { _ in
            .stall(length: 5000, body: "hel")
        } body: { server in
            let error = await failure { try await bench.s3(server).text("k") }
            #expect(error?.code == .stalled)
            #expect(error?.tries == 2)
            #expect(bench.clock.slept.count == 1)
        }
    }

    @Test func tooLargeIsSeenBeforeTheBody() async throws {
        try await MiniServer.run { _ in
            .stall(length: 1 << 40, body: "x")
        } body: { server in
            let error = await failure {
                try await Bench().s3(server).text("k", maximumBytes: 10)
            }
            #expect(error?.code == .tooLarge)
            #expect(server.requests.count == 1)
        }
    }

    @Test func badKeysAreNotSent() async throws {
        try await MiniServer.run { _ in
            .answer(200)
        } body: { server in
            let store = try Bench().s3(server)
            for key in ["", "../x", "/x", "x//y", "x\n"] {
                #expect(await failure { try await store.text(key) }?.code == .badKey)
            }
            #expect(await failure { try await store.list("x/") }?.code == .badKey)
            #expect(server.requests.isEmpty)
        }
    }

    @Test func readsRanges() async throws {
        try await MiniServer.run { request in
            switch request.target {
            case "/bucket/part": .answer(206, headers: ["Content-Range": "bytes 1-3/5"], body: "ell")
            case "/bucket/whole":
                .answer(200, headers: ["ETag": "\"\(String(repeating: "0", count: 32))\""], body: "hello")
            case "/bucket/endless": .stall(length: 1 << 40, body: "hello world")
            default: .answer(416, body: "<Error><Code>InvalidRange</Code></Error>")
            }
        } body: { server in
            let store = try Bench().s3(server, "s3://bucket")
            for key in ["part", "whole", "endless"] {
                #expect(try await store.text(key, range: 1..<4) == "ell", "\(key)")
            }
            #expect(server.requests.allSatisfy { $0.headers["range"] == "bytes=1-3" })
            #expect(
                await failure { try await store.text("k", range: 1..<4) }?.httpStatus == 416)
        }
    }

    @Test func storesWhoseETagsAreNoDigestsAreBelieved() async throws {
        let mark = "\"\(String(repeating: "0", count: 32))\""
        try await MiniServer.run { _ in
            .answer(200, headers: ["ETag": mark], body: "hello")
        } body: { server in
            let store = try Bench().s3(server)
            #expect(try await store.text("k") == "hello")
            #expect(server.requests.count == 2)
        }
    }

    @Test func followsTheRegionAndSignsAgain() async throws {
        var bench = Bench()
        bench.options.anonymous = false
        bench.options.environment = [
            "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "hidden", "AWS_SESSION_TOKEN": "token",
            "AWS_REGION": "eu-west-1",
        ]
        try await MiniServer.run { request in
            guard request.headers["authorization"]?.contains("/us-west-2/s3/") == true else {
                return .answer(301, headers: ["x-amz-bucket-region": "us-west-2"])
            }
            return .answer(200, body: "hello")
        } body: { server in
            let store = try bench.s3(server)
            #expect(try await store.text("k") == "hello")
            #expect(try await store.text("k") == "hello")
            let headers = server.requests.map(\.headers)
            #expect(headers.count == 3)
            #expect(headers.first?["authorization"]?.contains("AKID/") == true)
            #expect(headers.first?["authorization"]?.contains("/eu-west-1/s3/") == true)
            #expect(headers.allSatisfy { $0["x-amz-security-token"] == "token" })
        }
    }

    @Test func followsAnAnonymousRedirectToAnotherServer() async throws {
        try await MiniServer.run { _ in
            .answer(200, body: "hello")
        } body: { target in
            let body = "<Error><Code>TemporaryRedirect</Code><Endpoint>127.0.0.1:\(target.port)</Endpoint></Error>"
            try await MiniServer.run { _ in
                .answer(307, body: body)
            } body: { server in
                let store = try Bench().s3(server)
                #expect(try await store.text("k") == "hello")
                #expect(try await store.text("k") == "hello")
                #expect(server.requests.count == 1)
                #expect(target.requests.map(\.target) == ["/bucket/pre%20fix/k", "/bucket/pre%20fix/k"])
            }
        }
    }

    @Test func circlesEnd() async throws {
        try await MiniServer.run { request in
            .answer(301, headers: ["x-amz-bucket-region": request.number % 2 == 0 ? "eu-west-1" : "eu-west-2"])
        } body: { server in
            let error = await failure { try await Bench().s3(server).text("k") }
            #expect(error?.code == .badRequest)
            #expect(server.requests.count < 10)
        }
    }

    @Test func needsCredentialsWhenNotAnonymous() throws {
        let options = StoreOptions(anonymous: false, environment: ["AWS_ACCESS_KEY_ID": "AKID"])
        let error = #expect(throws: StoreError.self) {
            try openOutsideStore(StoreURL("s3://b"), options: options, counter: TransferCounter())
        }
        #expect(error?.code == .noCredentials)
    }

    @Test func theOptionsEndpointWins() throws {
        let environment = ["AWS_ENDPOINT_URL": "http://two"]
        #expect(StoreOptions(endpoint: "http://one", environment: environment).effectiveEndpoint == "http://one")
        #expect(StoreOptions(environment: environment).effectiveEndpoint == "http://two")
        #expect(StoreOptions(environment: ["AWS_ENDPOINT_URL": ""]).effectiveEndpoint == nil)
    }
}
