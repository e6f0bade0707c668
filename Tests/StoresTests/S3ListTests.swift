import Elements
import Foundation
import Testing

@testable import Stores

@Suite(.timeLimit(.minutes(10))) struct S3ListTests {
    private static func page(_ inside: String) -> MiniServer.Reply {
        .answer(200, body: "<?xml version=\"1.0\"?><ListBucketResult>\(inside)</ListBucketResult>")
    }

    @Test func listsToTheLastPage() async throws {
        try await MiniServer.run { request in
            let isSecond = request.target.contains("continuation-token=t%2F1%2B")
            let common = isSecond ? ["b", "c"] : ["a", "b"]
            let prefixes = common.map { "<CommonPrefixes><Prefix>pre+fix/x/\($0)/</Prefix></CommonPrefixes>" }.joined()
            let rest =
                isSecond
                ? "<IsTruncated>false</IsTruncated>"
                : "<IsTruncated>true</IsTruncated><NextContinuationToken>t/1+</NextContinuationToken>"
            // The second page fails once; the first one is not asked for again.
            if request.number == 2 { return .answer(200, body: "<Error><Code>SlowDown</Code></Error>") }
            return Self.page("<Prefix>pre+fix/x/</Prefix><EncodingType>url</EncodingType>\(prefixes)\(rest)")
        } body: { server in
            let listing = try await Bench().s3(server).list("x")
            #expect(listing == Listing(prefixes: ["a", "b", "c"]))
            #expect(
                server.requests.first?.target
                    == "/bucket?delimiter=%2F&encoding-type=url&list-type=2&prefix=pre%20fix%2Fx%2F")
            #expect(server.requests.count == 3)
        }
    }

    @Test func listsTheRoot() async throws {
        try await MiniServer.run { _ in
            Self.page("<Contents><Key>k</Key><Size>1</Size></Contents>")
        } body: { server in
            let listing = try await Bench().s3(server, "s3://bucket").list("")
            #expect(listing.objects == [ListedObject(name: "k", size: 1, etag: nil)])
            #expect(server.requests.first?.target.hasSuffix("&prefix=") == true)
        }
    }

    @Test func anEndlessListingIsAnError() async throws {
        try await MiniServer.run { _ in
            Self.page("<IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>")
        } body: { server in
            let error = await failure { try await Bench().s3(server).list("") }
            #expect(error?.code == .malformedListing)
            #expect(server.requests.count == 2)
        }
    }

    /// New tokens for ever, with nothing new on the pages.
    @Test(arguments: ["", "<CommonPrefixes><Prefix>pre fix/a/</Prefix></CommonPrefixes>"])
    func aListingWithoutEndIsAnError(content: String) async throws {
        try await MiniServer.run { request in
            Self.page(
                content
                    + "<IsTruncated>true</IsTruncated><NextContinuationToken>\(request.number)</NextContinuationToken>")
        } body: { server in
            let error = await failure { try await Bench().s3(server).list("") }
            #expect(error?.code == .malformedListing)
            #expect(error?.message.contains("does not end") == true, "\(error?.message ?? "nothing")")
            #expect(server.requests.count <= ListingPage.maximumEmptyPages + 1)
        }
    }

    @Test func aListingThatGrowsForEverIsBounded() async throws {
        try await MiniServer.run { request in
            let names = (0..<100).map { "<Contents><Key>pre fix/\(request.number)-\($0)</Key></Contents>" }.joined()
            return Self.page(
                names
                    + "<IsTruncated>true</IsTruncated><NextContinuationToken>\(request.number)</NextContinuationToken>")
        } body: { server in
            var store = try Bench().s3(server)
            store.listingBytes = 200_000
            let error = await failure { try await store.list("") }
            #expect(error?.code == .malformedListing)
            #expect(error?.message.contains("200000 bytes") == true, "\(error?.message ?? "nothing")")
            #expect(server.requests.count < 30)
        }
    }

    @Test func aMissingBucketIsAnError() async throws {
        try await MiniServer.run { _ in
            .answer(404, body: "<Error><Code>NoSuchBucket</Code></Error>")
        } body: { server in
            let error = await failure { try await Bench().s3(server).list("") }
            #expect(error?.code == .noSuchStore)
        }
    }
}
