import Elements
import Foundation
import Testing

@testable import Stores

/// Objects that are stored, or sent, with `Content-Encoding`.
@Suite(.timeLimit(.minutes(10))) struct ContentCodingTests {
    private static let plain = "hello hello hello hello"
    /// `plain` as gzip, that as gzip again, and 100,000 zero bytes as gzip.
    private static let gzip: [UInt8] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 72, 205, 201, 201, 87, 200, 64, 39, 1, 227, 81, 61, 141, 23, 0, 0, 0,
    ]
    private static let twice: [UInt8] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 147, 239, 230, 96, 0, 1, 38, 230, 211, 30, 103, 79, 158, 12, 63, 225, 160, 206,
        248, 56, 208, 182, 87, 28, 40, 6, 0, 68, 99, 102, 12, 28, 0, 0, 0,
    ]
    private static let zeros: [UInt8] =
        [31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 237, 193, 49, 1, 0, 0, 0, 194, 160, 245, 79, 109, 13, 15, 160]
        + Array(repeating: 0, count: 96) + [128, 87, 3, 125, 149, 17, 212, 160, 134, 1, 0]

    private func get(
        _ bytes: [UInt8], _ coding: String?, kind: String = "s3", maximumBytes: Int = 1000, range: Range<Int>? = nil
    ) async throws -> Result<StoredObject?, StoreError> {
        try await MiniServer.run { _ in
            .object(bytes, headers: coding.map { ["Content-Encoding": $0] } ?? [:])
        } body: { server in
            let store: any ObjectStore = kind == "s3" ? try Bench().s3(server) : try Bench().http(server)
            do {
                return .success(try await store.get("k", range: range, maximumBytes: maximumBytes))
            } catch let error as StoreError {
                return .failure(error)
            }
        }
    }

    @Test(arguments: ["gzip", "x-gzip", "GZIP", "aws-chunked,gzip"], ["s3", "http"])
    func gzipIsTakenOff(coding: String, kind: String) async throws {
        let object = try #require(try await get(Self.gzip, coding, kind: kind).get())
        #expect(object.bytes.array == Array(Self.plain.utf8))
        // The mark is that of the object as it is stored.
        #expect(object.objectByteCount == Self.gzip.count)
    }

    @Test(arguments: ["gzip", "utf-8", "aws-chunked", "identity", ""])
    func aLabelThatLiesDoesNoHarm(coding: String) async throws {
        for range in [nil, 2..<5] {
            let object = try await get(Array(Self.plain.utf8), coding, range: range).get()
            let expected = range.map { Array(Array(Self.plain.utf8)[$0]) } ?? Array(Self.plain.utf8)
            #expect(object?.bytes.array == expected)
        }
    }

    /// A chunk that is gzip itself: one layer stays, whether the transfer had one or not.
    @Test func chunksThatAreGzipStayGzip() async throws {
        let once = try #require(try await get(Self.gzip, "gzip").get())
        #expect(once.bytes(isGzip: true).array == Self.gzip)
        #expect(once.bytes(isGzip: false).array == Array(Self.plain.utf8))
        let twice = try #require(try await get(Self.twice, "gzip").get())
        #expect(twice.bytes(isGzip: true).array == Self.gzip)
        let unlabelled = try #require(try await get(Self.gzip, nil).get())
        #expect(unlabelled.bytes(isGzip: true).array == Self.gzip)
        #expect(unlabelled.bytes(isGzip: false).array == Self.gzip)
    }

    @Test func whatItBecomesIsBounded() async throws {
        let object = try await get(Self.zeros, "gzip", maximumBytes: 100_000).get()
        #expect(object?.bytes.array == Array(repeating: 0, count: 100_000))
        guard case .failure(let error) = try await get(Self.zeros, "gzip", maximumBytes: 99_999) else {
            Issue.record("too many bytes were taken")
            return
        }
        #expect(error.code == .tooLarge)
        // Two files in one, whose end tells the length of the second.
        let both = try await get(Self.zeros + Self.gzip, "gzip", maximumBytes: 200_000).get()
        #expect(both?.bytes.count == 100_000 + Self.plain.utf8.count)
    }

    @Test(arguments: [("br", 0, nil as Range<Int>?), ("zstd", 0, nil), ("gzip", 20, nil), ("gzip", 0, 3..<7)])
    func whatCannotBeDecodedIsNamed(coding: String, cut: Int, range: Range<Int>?) async throws {
        let bytes = cut == 0 ? Self.gzip : Array(Self.gzip.prefix(cut))
        guard case .failure(let error) = try await get(bytes, coding, range: range) else {
            Issue.record("it was taken")
            return
        }
        #expect(error.code == .unsupported)
        #expect(error.message.contains("Content-Encoding \"\(coding)\""), "\(error.message)")
    }

    /// Digests are of the bytes as they are stored.
    @Test func digestsAreOfWhatIsStored() async throws {
        let mark = "\"\(MD5.hexadecimal(Self.gzip))\""
        try await MiniServer.run { _ in
            .object(Self.gzip, headers: ["Content-Encoding": "gzip", "ETag": mark])
        } body: { server in
            let text = try await Bench().s3(server).text("k")
            #expect(text == Self.plain)
            #expect(server.requests.count == 1)
        }
    }
}
