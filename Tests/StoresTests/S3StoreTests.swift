import Elements
import Foundation
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

    static let passingReplies: [(MiniServer.Reply, String)] = [
        (.answer(503, body: "<Error><Code>SlowDown</Code></Error>"), "throttled"),
        (.answer(500), "serverError"),
        (.answer(429, headers: ["Retry-After": "1"]), "throttled"),
        (.answer(400, body: "<Error><Code>RequestTimeout</Code></Error>"), "timeout"),
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
        try await MiniServer.run { request in
            if request.number < 3 || request.target.hasSuffix("never") {
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
            #expect(server.requests.count == 3)
            let error = await failure { try await store.text("never") }
            #expect(error?.code.rawValue == code)
            #expect(error?.tries == 4)
            // libcurl itself repeats a request when a kept connection turns out to be dead.
            #expect((7...8).contains(server.requests.count))
            #expect(bench.counter.snapshot.retries == 5)
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
        let error = await failure { try await Bench().s3(server).text("k") }
        #expect(error?.code == .connection)
        #expect(error?.tries == 4)
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
            try openStore(StoreURL("s3://b"), options: options, counter: TransferCounter())
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
