import Elements
import Foundation
import TestSupport
import Testing

@testable import Stores

@Suite struct RetryPolicyTests {
    private func error(_ code: StoreError.Code, retryAfter: Double? = nil) -> StoreError {
        var error = StoreError(code, url: "s3://b/k", message: "m")
        error.retryAfterSeconds = retryAfter
        return error
    }

    @Test func pausesGrowUpToTheCap() {
        let policy = RetryPolicy(maxAttempts: 20)
        let pauses = (1...12).compactMap { policy.delay(after: error(.serverError), attempt: $0, random: 1) }
        #expect(pauses.count == 12)
        for (index, pause) in pauses.enumerated() {
            #expect(abs(pause - min(150, 0.25 * pow(2.2, Double(index)))) < 1e-9)
        }
    }

    @Test(arguments: [0.0, 0.3, 1])
    func noPauseIsNextToNothing(random: Double) {
        let policy = RetryPolicy()
        for attempt in 1..<policy.maxAttempts {
            let pause = policy.delay(after: error(.shortBody), attempt: attempt, random: random) ?? 0
            let longest = policy.delay(after: error(.shortBody), attempt: attempt, random: 1) ?? 0
            #expect(pause >= longest / 2 && pause <= longest)
        }
    }

    /// Ten tries outlast a restart; few tries are over soon.
    @Test func tenTriesTakeTwoMinutesAtLeast() {
        func least(_ attempts: Int, _ random: Double) -> Double {
            let policy = RetryPolicy(maxAttempts: attempts)
            return (1...attempts).reduce(0) {
                $0 + (policy.delay(after: error(.throttled), attempt: $1, random: random) ?? 0)
            }
        }
        #expect(least(10, 0) >= 120)
        #expect(least(10, 1) < 300)
        #expect(least(3, 1) < 1)
        #expect(least(4, 1) < 2.5)
    }

    @Test func outagesEndAtTheirLimit() {
        let policy = RetryPolicy(outageSeconds: 600)
        func pause(_ silence: Double, _ attempt: Int, seconds: Double = 0, hasAnswered: Bool = true) -> Double? {
            policy.outageDelay(
                silence: silence, attempt: attempt, attemptSeconds: seconds, hasAnswered: hasAnswered, random: 1)
        }
        #expect(pause(0, 1) == 0.25)
        #expect(pause(300, 50) == 10)
        #expect(pause(598, 50) == 2)
        #expect(pause(600, 50) == nil)
        #expect(pause(580, 50, seconds: 50) == nil)
        #expect(pause(59, 9, hasAnswered: false) == 1)
        #expect(pause(60, 9, hasAnswered: false) == nil)
        #expect(
            RetryPolicy(outageSeconds: 0).outageDelay(
                silence: 0, attempt: 1, attemptSeconds: 0, hasAnswered: true, random: 1) == nil)
    }

    @Test(arguments: StoreError.Code.allCases)
    func retriesWhatMayPass(code: StoreError.Code) {
        let passing: Set<StoreError.Code> = [
            .throttled, .serverError, .connection, .timeout, .stalled, .clockSkew, .shortBody, .corruptBody, .busyFile,
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
        #expect(policy.delay(after: error(.throttled, retryAfter: 7), attempt: 1, random: 0) == 7.125)
        #expect(policy.delay(after: error(.throttled, retryAfter: 7), attempt: 1, random: 1) == 7.25)
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
    let server = "host:1"
    /// Whether the store itself answers.
    private let isThere: Bool
    private(set) var probes = 0

    init(_ script: [StoreError.Code], isThere: Bool = true) {
        self.script = script
        self.isThere = isThere
    }

    /// Fails again.
    func fail(_ codes: [StoreError.Code]) { lock.withLock { script += codes } }

    func probe() async throws(StoreError) {
        lock.withLock { probes += 1 }
        guard isThere else { throw StoreError(.connection, url: "sample:", message: "nobody") }
    }

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

    func head(_ key: String) async throws(StoreError) -> HeadAnswer {
        try step()
        return HeadAnswer(metadata: ObjectMetadata(etag: key))
    }

    func listPage(_ prefix: String, after token: String?) async throws(StoreError) -> ListingPage {
        try step()
        let number = token.flatMap { Int($0) } ?? 0
        return ListingPage(prefixes: ["p\(number)", "p0"], objects: [], next: number < 2 ? "\(number + 1)" : nil)
    }
}

@Suite struct RetryingStoreTests {
    private func retrying(
        _ base: ScriptedStore, _ clock: FakeClock, _ counter: TransferCounter = TransferCounter()
    ) -> RetryingStore<ScriptedStore> {
        retrying(base, clock, counter, hasAnswered: false)
    }

    private func retrying(
        _ base: ScriptedStore, _ clock: FakeClock, _ counter: TransferCounter = TransferCounter(), hasAnswered: Bool,
        told: Heard = Heard()
    ) -> RetryingStore<ScriptedStore> {
        let (now, sleep, random) = clock.surroundings(random: 1)
        return RetryingStore(
            base: base, policy: RetryPolicy(maxAttempts: 4, outageSeconds: 600), counter: counter,
            surroundings: .init(now: now, sleep: sleep, random: random), hasAnswered: hasAnswered, tell: told.add)
    }

    @Test func anOutageIsWaitedFor() async throws {
        // Far more than the attempts that count.
        let base = ScriptedStore(Array(repeating: .connection, count: 30), isThere: false)
        let (clock, counter, told) = (FakeClock(), TransferCounter(), Heard())
        let store = retrying(base, clock, counter, hasAnswered: true, told: told)
        #expect(try await store.text("k") == "k")
        #expect(clock.now > 200 && clock.now < 600)
        #expect(told.all.first?.contains("host:1 does not answer: scripted") == true, "\(told.all)")
        #expect(told.all.last?.contains("answers again") == true)
        // Once a minute.
        #expect((4...7).contains(told.all.count), "\(told.all)")
        #expect(counter.trouble == nil)
    }

    /// An answer ends an outage: the next one is waited for as long.
    @Test func eachOutageHasItsOwnClock() async throws {
        let base = ScriptedStore([], isThere: false)
        let clock = FakeClock()
        let store = retrying(base, clock, hasAnswered: true)
        for number in 1...3 {
            base.fail(Array(repeating: .connection, count: 50))
            #expect(try await store.text("k") == "k")
            #expect(clock.now > 300 * Double(number))
        }
    }

    @Test(arguments: [(true, 600.0), (false, 60.0)])
    func aLastingOutageIsAboutTheStore(hasAnswered: Bool, limit: Double) async {
        let base = ScriptedStore(Array(repeating: .connection, count: 999), isThere: false)
        let clock = FakeClock()
        let store = retrying(base, clock, hasAnswered: hasAnswered)
        let error = await failure { try await store.text("k") }
        #expect(error?.code == .unreachable)
        #expect(
            error?.message.contains("the store cannot be reached: host:1: scripted") == true, "\(error?.message ?? "")")
        #expect(abs(clock.now - limit) < 1, "\(clock.now)")
        // The others do not begin anew.
        let calls = base.calls
        #expect(await failure { try await store.text("other") }?.code == .unreachable)
        #expect(base.calls == calls)
    }

    @Test func oneBadObjectDoesNotWaitForEver() async {
        let base = ScriptedStore(Array(repeating: .connection, count: 999))
        let clock = FakeClock()
        let error = await failure { try await retrying(base, clock, hasAnswered: true).text("k") }
        #expect(error?.code == .connection)
        #expect(error?.tries == 4)
        #expect(clock.now < 5)
        #expect(base.probes > 0)
    }

    @Test func answersToOthersAreAnswers() async {
        // Nobody answers probes, but each time another request has been answered meanwhile.
        let health = StoreHealth(server: "h:1", counter: TransferCounter(), tell: { _ in })
        health.noteAnswer(at: 5)
        #expect(await health.isSilent(since: 4, now: { 6 }, probe: { false }) == false)
        #expect(await health.isSilent(since: 5.5, now: { 6 }, probe: { false }) == true)
        #expect(await health.isSilent(since: 5.5, now: { 8 }, probe: { true }) == false)
    }

    @Test func faultsAreHeardOnce() async throws {
        let told = Heard()
        let base = ScriptedStore([.serverError, .serverError, .throttled])
        _ = try await retrying(base, FakeClock(), hasAnswered: true, told: told).text("k")
        #expect(told.all.count == 2, "\(told.all)")
        #expect(told.all.first?.contains("scripted") == true)
    }

    @Test func triesAgain() async throws {
        let clock = FakeClock()
        let counter = TransferCounter()
        let store = retrying(ScriptedStore([.serverError, .connection, .shortBody]), clock, counter)
        #expect(try await store.text("k") == "k")
        #expect(clock.slept == [0.25, 0.25 * 2.2, 0.25 * 2.2 * 2.2])
        #expect(counter.snapshot.retries == 3)
    }

    @Test func saysHowOftenAndHowLong() async throws {
        let clock = FakeClock()
        let base = ScriptedStore([.serverError, .serverError, .serverError, .throttled, .serverError])
        let error = await failure { try await retrying(base, clock).text("k") }
        #expect(error?.code == .throttled)
        #expect(error?.tries == 4)
        #expect(abs((error?.seconds ?? 0) - 2.01) < 1e-9)
        #expect(base.calls == 4)
        #expect(error?.description == "sample:k: throttled: scripted (4 tries, 2.0 s)")
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
