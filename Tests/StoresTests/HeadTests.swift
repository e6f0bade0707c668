import Foundation
import TestSupport
import Testing

@testable import Stores

/// What tells one version of an object from another, and how it is asked for.
@Suite struct HeadTests {
    private static let date = "Wed, 21 Oct 2015 07:28:00 GMT"
    private static let seconds = 1_445_412_480
    private static let headers = ["ETag": "\"abc\"", "Last-Modified": date, "Date": "Wed, 21 Oct 2015 07:28:09 GMT"]

    // MARK: Marks

    @Test(arguments: [
        (ObjectMetadata(etag: "a"), ObjectMetadata(etag: "a"), true),
        (ObjectMetadata(etag: "a", byteCount: 1), ObjectMetadata(etag: "a", byteCount: 2), false),
        (ObjectMetadata(etag: "a", modified: 1), ObjectMetadata(etag: "a", modified: 2), true),
        (ObjectMetadata(etag: "a"), ObjectMetadata(etag: "b"), false),
        (ObjectMetadata(etag: "a"), ObjectMetadata(), false),
        (ObjectMetadata(), ObjectMetadata(), false),
        (ObjectMetadata(byteCount: 5), ObjectMetadata(byteCount: 5), false),
        (ObjectMetadata(byteCount: 5, modified: 7), ObjectMetadata(byteCount: 5, modified: 7), true),
        (ObjectMetadata(byteCount: 5, modified: 7), ObjectMetadata(byteCount: 5, modified: 8), false),
        (ObjectMetadata(modified: 7), ObjectMetadata(modified: 7), false),
        (ObjectMetadata(etag: "a", byteCount: 5, modified: 7), ObjectMetadata(byteCount: 5, modified: 7), true),
    ])
    func versionsAreToldApart(first: ObjectMetadata, second: ObjectMetadata, isSame: Bool) {
        #expect(first.isSame(as: second) == isSame)
        #expect(second.isSame(as: first) == isSame)
    }

    @Test(arguments: [
        ObjectMetadata(), ObjectMetadata(etag: ""), ObjectMetadata(etag: "W/a b"),
        ObjectMetadata(byteCount: 0, modified: -3),
        ObjectMetadata(etag: "- -", byteCount: 7),
    ])
    func marksAreALineOfText(mark: ObjectMetadata) {
        #expect(!mark.text.contains("\n") && !mark.text.contains("\t"))
        #expect(ObjectMetadata(text: mark.text) == mark)
    }

    @Test func hostileAnswersStayInTheirPlace() {
        let error = StoreError(
            .badRequest, url: "s3://b/\u{202E}k",
            message: "a\u{202E}b\u{2066}c\u{200B}d\u{FEFF}e\u{1B}[2Jf\u{E0041}\u{85}g")
        #expect(error.message == "a b c d e [2Jf  g")
        #expect(error.url == "s3://b/ k")
    }

    @Test func hostileMarksStayOnTheirLine() {
        let text = ObjectMetadata(etag: "a\n\tb\u{2028}").text
        #expect(text.unicodeScalars.allSatisfy { !ObjectKey.isControl($0) })
    }

    @Test(arguments: ["", "-", "a b c", "1", "1 x y"])
    func otherTextsAreNoMarks(text: String) { #expect(ObjectMetadata(text: text) == nil) }

    // MARK: Asking

    private func store(_ server: MiniServer, _ kind: String, environment: [String: String] = [:]) throws
        -> any ObjectStore
    {
        let options = StoreOptions(
            endpoint: kind == "s3" ? server.endpoint : nil, anonymous: environment.isEmpty, maxAttempts: 1,
            environment: environment)
        let url = try StoreURL(kind == "s3" ? "s3://bucket/top" : "\(server.endpoint)/top")
        return try openOutsideStore(url, options: options, counter: TransferCounter())
    }

    @Test(arguments: ["s3", "http"])
    func headsTellTheMark(kind: String) async throws {
        try await MiniServer.run { _ in
            .answer(200, headers: Self.headers, body: "12345")
        } body: { server in
            let store = try store(server, kind)
            for _ in 0..<2 {
                let answer = try await store.head("a/b")
                #expect(answer.metadata == ObjectMetadata(etag: "abc", byteCount: 5, modified: Self.seconds))
                #expect(answer.served == Self.seconds + 9)
            }
            #expect(server.requests.map(\.method) == ["HEAD", "HEAD"])
            let object = try #require(try await store.get("a/b", range: nil, maximumBytes: 10))
            #expect(object.metadata == ObjectMetadata(etag: "abc", byteCount: 5, modified: Self.seconds))
            #expect(object.served == Self.seconds + 9)
        }
    }

    @Test func signedHeadsAreSignedAsSuch() async throws {
        let keys = ["AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"]
        try await MiniServer.run { _ in
            .answer(200, headers: Self.headers)
        } body: { server in
            _ = try await store(server, "s3", environment: keys).head("k")
            let request = try #require(server.requests.first)
            let given = try #require(request.headers["authorization"])
            let credentials = try S3Credentials(environment: keys, url: StoreURL("s3://bucket"))
            let host = try #require(request.headers["host"])
            let now = Int(Date().timeIntervalSince1970)
            let expected = (now - 600...now).flatMap { seconds in
                SignatureV4(credentials: credentials, region: "us-east-1", secondsSince1970: seconds)
                    .headers(method: "HEAD", host: host, path: request.target, query: "", others: [])
            }
            #expect(expected.contains { $0.0 == "Authorization" && $0.1 == given })
        }
    }

    @Test(arguments: [405, 501, 403], ["s3", "http"])
    func serversWithoutHeadAreAskedForAByte(status: Int, kind: String) async throws {
        try await MiniServer.run { request in
            if request.method == "HEAD" { return .answer(status) }
            guard request.headers["range"] == "bytes=0-0" else { return .answer(500) }
            return .answer(206, headers: Self.headers.merging(["Content-Range": "bytes 0-0/77"]) { $1 }, body: "x")
        } body: { server in
            let store = try store(server, kind)
            for _ in 0..<3 {
                let mark = try await store.head("k").metadata
                #expect(mark == ObjectMetadata(etag: "abc", byteCount: 77, modified: Self.seconds))
            }
            // Once is enough to learn it.
            #expect(server.requests.map(\.method) == ["HEAD", "GET", "GET", "GET"])
        }
    }

    @Test(arguments: ["s3", "http"])
    func whatIsNotThereHasNoMark(kind: String) async throws {
        try await MiniServer.run { _ in
            .answer(404)
        } body: { server in
            let store = try store(server, kind)
            #expect(try await store.head("k").metadata == nil)
        }
    }

    @Test(arguments: ["s3", "http"])
    func whatIsForbiddenIsAnError(kind: String) async throws {
        try await MiniServer.run { _ in
            .answer(403)
        } body: { server in
            let store = try store(server, kind)
            _ = await #expect(throws: StoreError.self) { try await store.head("k") }
        }
    }

    @Test func failedHeadsAreTriedAgain() async throws {
        try await MiniServer.run { request in
            request.number < 3 ? .answer(503) : .answer(200, headers: Self.headers)
        } body: { server in
            let options = StoreOptions(endpoint: server.endpoint, maxAttempts: 5, environment: [:])
            let store = try openOutsideStore(try StoreURL("s3://bucket"), options: options, counter: TransferCounter())
            #expect(try await store.head("k").metadata?.etag == "abc")
            #expect(server.requests.count == 3)
        }
    }

    // MARK: Listings

    @Test func deepListingsGiveKeysOfTheStore() async throws {
        let first = """
            <ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
            <NextContinuationToken>t</NextContinuationToken>
            <Contents><Key>top/a/0/1</Key><ETag>&quot;e1&quot;</ETag><Size>3</Size></Contents>
            <Contents><Key>elsewhere/a/0</Key><ETag>&quot;e2&quot;</ETag><Size>3</Size></Contents></ListBucketResult>
            """
        let second = """
            <ListBucketResult><IsTruncated>false</IsTruncated>
            <Contents><Key>top/a/.zarray</Key><Size>9</Size></Contents></ListBucketResult>
            """
        try await MiniServer.run { request in
            .answer(200, body: request.target.contains("continuation-token=t") ? second : first)
        } body: { server in
            let store = try store(server, "s3")
            let page = try #require(try await store.objects(below: "a", after: nil))
            #expect(page.objects.map(\.key) == ["a/0/1"])
            #expect(page.objects.map(\.metadata) == [ObjectMetadata(etag: "e1", byteCount: 3)])
            let next = try #require(try await store.objects(below: "a", after: page.next))
            #expect(next.objects.map(\.key) == ["a/.zarray"])
            #expect(next.next == nil)
            let target = try #require(server.requests.first?.target)
            #expect(target.contains("prefix=top%2Fa%2F") && !target.contains("delimiter"), "\(target)")
        }
    }

    @Test func webServersListOnlyOneLevel() async throws {
        try await MiniServer.run { _ in
            .answer(200)
        } body: { server in
            let store = try store(server, "http")
            let page = try await store.objects(below: "a", after: nil)
            #expect(page == nil)
        }
    }

    // MARK: Other stores

    @Test func filesAreToldApart() async throws {
        let scratch = Scratch()
        let file = URL(filePath: scratch.file("k"))
        try Data("one".utf8).write(to: file)
        let store = try openOutsideStore(
            try StoreURL("file://\(scratch.path)"), options: StoreOptions(environment: [:]), counter: TransferCounter())
        let first = try #require(try await store.head("k").metadata)
        let object = try #require(try await store.get("k", range: nil, maximumBytes: 10))
        #expect(object.metadata == first)
        // Another file of the same length and time.
        let time = try FileManager.default.attributesOfItem(atPath: file.path)[.modificationDate]
        try Data("two".utf8).write(to: file, options: .atomic)
        try FileManager.default.setAttributes([.modificationDate: try #require(time)], ofItemAtPath: file.path)
        let second = try #require(try await store.head("k").metadata)
        #expect(!second.isSame(as: first))
        #expect(try await store.head("gone").metadata == nil)
        #expect(try await store.head("gone/further").metadata == nil)
    }
}
