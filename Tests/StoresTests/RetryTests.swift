import Elements
import Foundation
import Testing

@testable import Stores

@Suite struct RetryPolicyTests {
    private func error(_ code: StoreError.Code, retryAfter: Double? = nil) -> StoreError {
        var error = StoreError(code, url: "s3://b/k", message: "m")
        error.retryAfterSeconds = retryAfter
        return error
    }

    @Test func doublesUpToTheCap() {
        let policy = RetryPolicy(maxAttempts: 20)
        let delays = (1...12).map { policy.delay(after: error(.serverError), attempt: $0, random: 1) }
        #expect(delays == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 20, 20, 20, 20])
        #expect(policy.delay(after: error(.serverError), attempt: 3, random: 0.5) == 0.2)
        #expect(policy.delay(after: error(.serverError), attempt: 3, random: 0) == 0)
    }

    @Test(arguments: StoreError.Code.allCases)
    func retriesWhatMayPass(code: StoreError.Code) {
        let passing: Set<StoreError.Code> = [
            .throttled, .serverError, .connection, .timeout, .stalled, .shortBody, .corruptBody,
        ]
        let delay = RetryPolicy().delay(after: error(code), attempt: 1, random: 0.5)
        #expect((delay != nil) == passing.contains(code))
    }

    @Test func givesUpAfterTheLastAttempt() {
        let policy = RetryPolicy(maxAttempts: 3)
        #expect(policy.delay(after: error(.timeout), attempt: 2, random: 1) != nil)
        #expect(policy.delay(after: error(.timeout), attempt: 3, random: 1) == nil)
    }

    @Test func honoursRetryAfter() {
        let policy = RetryPolicy()
        #expect(policy.delay(after: error(.throttled, retryAfter: 7), attempt: 1, random: 0) == 7)
        #expect(policy.delay(after: error(.throttled, retryAfter: 7), attempt: 1, random: 1) == 7.1)
        #expect(policy.delay(after: error(.throttled, retryAfter: 1e9), attempt: 1, random: 1) == 120)
        #expect(policy.delay(after: error(.forbidden, retryAfter: 1), attempt: 1, random: 1) == nil)
    }

    @Test func readsRetryAfter() {
        #expect(RetryAfter.seconds("120", now: 0) == 120)
        let date = "Wed, 21 Oct 2015 07:28:00 GMT"
        #expect(RetryAfter.seconds(date, now: 1_445_412_480 - 90) == 90)
        #expect(RetryAfter.seconds(date, now: 2e9) == 0)
        for text in [
            "", "-1", "1.5", "soon", "Wed, 21 Foo 2015 07:28:00 GMT", "Wed, 99 Oct 2015 07:28:00 GMT", "a b c d e f",
        ] {
            #expect(RetryAfter.seconds(text, now: 0) == nil)
        }
    }
}

/// Fails as its script says, then answers.
private final class ScriptedStore: PagedStore, @unchecked Sendable {
    // `script` and `calls` are only touched with `lock` locked.
    private let lock = NSLock()
    private var script: [StoreError.Code]
    private(set) var calls = 0
    let url = StoreURL.sample

    init(_ script: [StoreError.Code]) { self.script = script }

    private func step() throws(StoreError) {
        let code = lock.withLock {
            calls += 1
            return script.isEmpty ? nil : script.removeFirst()
        }
        if let code { throw StoreError(code, url: "sample:k", message: "scripted") }
    }

    func get(_ key: String, part: ObjectPart, maximumBytes: Int) async throws(StoreError) -> StoredObject? {
        try step()
        return StoredObject(bytes: ByteBuffer(key), etag: nil)
    }

    func mark(of key: String) async throws(StoreError) -> MarkAnswer {
        try step()
        return MarkAnswer(mark: ObjectMark(etag: key))
    }

    func listPage(_ prefix: String, after token: String?) async throws(StoreError) -> ListingPage {
        try step()
        let number = token.flatMap { Int($0) } ?? 0
        return ListingPage(prefixes: ["p\(number)", "p0"], objects: [], next: number < 2 ? "\(number + 1)" : nil)
    }
}

/// Time that only passes by sleeping.
private final class FakeClock: @unchecked Sendable {
    // `seconds` and `naps` are only touched with `lock` locked.
    private let lock = NSLock()
    private var seconds = 0.0
    private var naps: [Double] = []

    var slept: [Double] { lock.withLock { naps } }
    var surroundings: (now: @Sendable () -> Double, sleep: @Sendable (Double) async throws -> Void) {
        (
            { self.lock.withLock { self.seconds } },
            { time in
                self.lock.withLock {
                    self.naps.append(time)
                    self.seconds += time
                }
            }
        )
    }
}

@Suite struct RetryingStoreTests {
    private func retrying(
        _ base: ScriptedStore, _ clock: FakeClock, _ counter: TransferCounter = TransferCounter()
    ) -> RetryingStore<ScriptedStore> {
        let (now, sleep) = clock.surroundings
        return RetryingStore(
            base: base, policy: RetryPolicy(maxAttempts: 4), counter: counter,
            surroundings: .init(now: now, sleep: sleep, random: { 1 }))
    }

    @Test func triesAgain() async throws {
        let clock = FakeClock()
        let counter = TransferCounter()
        let store = retrying(ScriptedStore([.serverError, .connection, .shortBody]), clock, counter)
        #expect(try await store.text("k") == "k")
        #expect(clock.slept == [0.1, 0.2, 0.4])
        #expect(counter.snapshot.retries == 3)
    }

    @Test func saysHowOftenAndHowLong() async throws {
        let clock = FakeClock()
        let base = ScriptedStore([.serverError, .serverError, .serverError, .throttled, .serverError])
        let error = await failure { try await retrying(base, clock).text("k") }
        #expect(error?.code == .throttled)
        #expect(error?.tries == 4)
        #expect(abs((error?.seconds ?? 0) - 0.7) < 1e-9)
        #expect(base.calls == 4)
        #expect(error?.description == "sample:k: throttled: scripted (4 tries, 0.7 s)")
    }

    @Test func doesNotRepeatAnswers() async throws {
        let base = ScriptedStore([.forbidden])
        let error = await failure { try await retrying(base, FakeClock()).text("k") }
        #expect(error?.code == .forbidden)
        #expect(base.calls == 1)
    }

    @Test func repeatsOnePageOfAListing() async throws {
        let base = ScriptedStore([.serverError, .timeout])
        let listing = try await retrying(base, FakeClock()).list("")
        #expect(listing.prefixes == ["p0", "p1", "p2"])
        #expect(base.calls == 5)
    }

    @Test func cancellingEndsTheWait() async throws {
        let base = ScriptedStore(Array(repeating: .serverError, count: 9))
        let policy = RetryPolicy(maxAttempts: 9, baseSeconds: 3600, capSeconds: 3600)
        let store = RetryingStore(
            base: base, policy: policy, counter: TransferCounter(), surroundings: .init(random: { 1 }))
        let task = Task { await failure { try await store.text("k") } }
        task.cancel()
        #expect(await task.value?.code == .cancelled)
    }
}
