import Elements
import Testing

@testable import Stores

@Suite struct ETagTests {
    static let mark = "5d41402abc4b2a76b9719d911017c592"

    @Test func knowsDigests() {
        #expect(ETag.digest(["etag": "\"\(Self.mark)\""]) == Self.mark)
        #expect(ETag.digest(["etag": Self.mark.uppercased()]) == Self.mark)
        #expect(ETag.digest(["etag": Self.mark, "x-amz-server-side-encryption": "AES256"]) == Self.mark)
        #expect(ETag.digest(["etag": Self.mark, "x-amz-server-side-encryption": "aws:kms"]) == nil)
        #expect(ETag.digest(["etag": Self.mark, "x-amz-server-side-encryption-customer-algorithm": "AES256"]) == nil)
        for etag in ["\"\(Self.mark)-2\"", "W/\"\(Self.mark)\"", "\"66f-1a2b\"", "\(Self.mark.dropLast())g", ""] {
            #expect(ETag.digest(["etag": etag]) == nil)
        }
        #expect(ETag.digest([:]) == nil)
    }

    @Test(arguments: [("\"a\"", "a"), ("a", "a"), ("W/\"a\"", "W/a"), ("\"", "\""), ("", "")])
    func unquotes(text: String, expected: String) {
        #expect(ETag.unquoted(text) == expected)
    }

    private func verdict(_ check: BodyCheck, _ text: String, _ etag: String = mark, key: String = "k") async
        -> StoreError.Code?
    {
        await failure {
            try await check.check(ByteBuffer(text), headers: ["etag": etag], key: key, url: "s3://b/k")
        }?.code
    }

    @Test func comparesBodies() async {
        let check = BodyCheck()
        #expect(await verdict(check, "hellO") == .corruptBody)
        // Other wrong bytes are not believed either, the same ones are.
        #expect(await verdict(check, "hEllo") == .corruptBody)
        #expect(await verdict(check, "hEllo") == nil)
        #expect(await verdict(check, "hEllo", key: "other") == .corruptBody)
    }

    /// One body that matches proves that the ETags are MD5s.
    @Test func aConstantWrongBitIsNeverBelieved() async {
        let check = BodyCheck()
        #expect(await verdict(check, "hellO", key: "bad") == .corruptBody)
        #expect(await verdict(check, "hello", key: "good") == nil)
        for _ in 0..<10 { #expect(await verdict(check, "hellO", key: "bad") == .corruptBody) }
        #expect(await verdict(check, "hello", key: "bad") == nil)
        #expect(await verdict(check, "hellO", key: "good") == .corruptBody)
    }

    @Test func learnsThatETagsAreNoDigests() async {
        let check = BodyCheck()
        for key in ["a", "b", "c"] {
            #expect(await verdict(check, "x", key: key) == .corruptBody)
            #expect(await verdict(check, "x", key: key) == nil)
        }
        #expect(await verdict(check, "x", key: "d") == nil)
    }
}

@Suite struct BodySinkTests {
    private func take(
        _ chunks: [String], status: Int = 200, range: Range<Int>? = nil, maximum: Int = 100, length: Int? = nil,
        contentRange: String? = nil
    ) -> Result<String, BodySink.Refusal> {
        Result { () throws(BodySink.Refusal) in
            var sink = BodySink(range.map { .range($0) } ?? .whole, maximumBytes: maximum)
            try sink.begin(
                status: status, contentLength: length, contentRange: contentRange.flatMap(ContentRange.init))
            for chunk in chunks {
                let goesOn = try ByteBuffer(chunk).withUnsafeBytes { (bytes) throws(BodySink.Refusal) in
                    try sink.append(bytes)
                }
                if !goesOn { break }
            }
            return String(decoding: try sink.finish().array, as: UTF8.self)
        }
    }

    private func code(_ result: Result<String, BodySink.Refusal>) -> StoreError.Code? {
        if case .failure(let refusal) = result { return refusal.code }
        return nil
    }

    @Test func keepsWholeBodies() throws {
        #expect(try take(["hel", "lo"], length: 5).get() == "hello")
        #expect(try take(["hel", "lo"]).get() == "hello")
        #expect(try take([], length: 0).get() == "")
        let long = String(repeating: "x", count: 200_000)
        #expect(try take([long, long], maximum: 400_000).get() == long + long)
    }

    @Test func refusesShortAndLongBodies() {
        #expect(code(take(["hel"], length: 5)) == .shortBody)
        #expect(code(take([], maximum: 4, length: 5)) == .tooLarge)
        #expect(code(take([], maximum: 4, length: Int.max)) == .tooLarge)
        #expect(code(take(["hel", "lo"], maximum: 4)) == .tooLarge)
    }

    @Test func takesParts() throws {
        #expect(try take(["ell"], status: 206, range: 1..<4, length: 3, contentRange: "bytes 1-3/5").get() == "ell")
        #expect(try take(["lo"], status: 206, range: 3..<9, length: 2, contentRange: "bytes 3-4/5").get() == "lo")
        #expect(try take(["ell"], status: 206, range: 1..<4, length: 3).get() == "ell")
        // More than asked for.
        #expect(try take(["hello"], status: 206, range: 1..<3, length: 5, contentRange: "bytes 0-4/5").get() == "el")
    }

    @Test func cutsPartsOutOfWholeBodies() throws {
        #expect(try take(["he", "llo"], range: 1..<4, length: 5).get() == "ell")
        #expect(try take(["he", "llo"], range: 1..<4).get() == "ell")
        #expect(try take(["he", "llo"], range: 3..<9, length: 5).get() == "lo")
        #expect(try take(["he", "llo"], range: 1..<4, maximum: 3, length: 5).get() == "ell")
        #expect(try take(["hello"], range: 1..<4, length: 5, contentRange: "bytes 1-3/5").get() == "ell")
        #expect(try take(["ell"], range: 1..<4, length: 3, contentRange: "bytes 1-3/5").get() == "ell")
        #expect(code(take(["hello"], range: 5..<9, length: 5)) == .badRequest)
    }

    @Test func refusesOtherParts() {
        #expect(code(take(["llo"], status: 206, range: 1..<4, length: 3, contentRange: "bytes 2-4/5")) == .corruptBody)
        #expect(code(take(["el"], status: 206, range: 1..<4, length: 2, contentRange: "bytes 1-2/5")) == .shortBody)
        #expect(code(take(["hello"], status: 206, length: 5, contentRange: "bytes 0-4/9")) == .corruptBody)
    }

    @Test func keepsTheBeginningOfErrors() throws {
        let long = String(repeating: "x", count: BodySink.errorBytes + 1)
        #expect(try take([long], status: 500, maximum: 1, length: 1 << 40).get().count == BodySink.errorBytes)
    }

    @Test(arguments: [
        "", "bytes", "bytes */5", "bytes 3-1/5", "bytes 1-5/5", "bytes -1-2/5", "items 0-1/5",
        "bytes 0-9223372036854775807/*",
    ])
    func refusesContentRanges(text: String) {
        #expect(ContentRange(text) == nil)
    }

    @Test func limitsRates() {
        var bucket = TokenBucket(bytesPerSecond: 1000, now: 10)
        #expect(bucket.delay(now: 10) == 0)
        bucket.take(3000)
        #expect(bucket.delay(now: 10) == 3)
        #expect(bucket.delay(now: 12) == 1)
        #expect(bucket.delay(now: 1000) == 0)
        // An idle hour does not pay for a burst.
        bucket.take(1250)
        #expect(bucket.delay(now: 1000) == 1)
    }
}
