internal import Foundation
internal import Synchronization

/// Sends failed requests again, as a ``RetryPolicy`` says. A listing is repeated page by page.
///
/// A request without an answer counts as an attempt only while the store answers other requests. If the store answers none, all requests
/// wait for it. After ``RetryPolicy/outageSeconds`` every request fails with ``StoreError/Code/unreachable``.
struct RetryingStore<Base: PagedStore>: ObjectStore {
    /// Clock, sleep and random numbers, which tests replace.
    struct Surroundings: Sendable {
        /// Seconds of a clock that only goes forward.
        var now: @Sendable () -> Double = { ProcessInfo.processInfo.systemUptime }
        /// Waits; throws when the task is cancelled.
        var sleep: @Sendable (_ seconds: Double) async throws -> Void = { try await Task.sleep(for: .seconds($0)) }
        /// 0 to 1.
        var random: @Sendable () -> Double = { Double.random(in: 0...1) }
    }

    let base: Base
    let policy: RetryPolicy
    let counter: TransferCounter
    var surroundings: Surroundings
    /// Memory for the names of one folder, in bytes.
    var listingBytes = ListingPage.maximumBytes
    private let health: StoreHealth
    private let isWatched = Once()

    /// - Parameters:
    ///   - hasAnswered: whether the store has ever answered this job.
    /// - tell: takes log lines about temporary faults.
    init(
        base: Base, policy: RetryPolicy, counter: TransferCounter, surroundings: Surroundings = Surroundings(),
        hasAnswered: Bool = false, tell: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.base = base
        self.policy = policy
        self.counter = counter
        self.surroundings = surroundings
        health = StoreHealth(server: base.server, hasAnswered: hasAnswered, counter: counter, tell: tell)
    }

    var url: StoreURL { base.url }

    func get(_ key: String, part: ObjectPart, maximumBytes: Int) async throws(StoreError) -> StoredObject? {
        try await attempt { () throws(StoreError) in
            try await base.get(key, part: part, maximumBytes: maximumBytes)
        }
    }

    func list(_ prefix: String) async throws(StoreError) -> Listing {
        try await base.list(prefix, maximumBytes: listingBytes) { token throws(StoreError) in
            try await attempt { () throws(StoreError) in try await base.listPage(prefix, after: token) }
        }
    }

    func head(_ key: String) async throws(StoreError) -> HeadAnswer {
        try await attempt { () throws(StoreError) in try await base.head(key) }
    }

    func objects(below prefix: String, after token: String?) async throws(StoreError) -> ObjectPage? {
        try await attempt { () throws(StoreError) in try await base.objects(below: prefix, after: token) }
    }

    private func attempt<R: Sendable>(_ work: () async throws(StoreError) -> R) async throws(StoreError) -> R {
        let start = surroundings.now()
        var tries = 0
        // Attempts that count, and attempts during an outage.
        var (counted, unanswered) = (0, 0)
        if isWatched.isFirst() { health.watchFirst() }
        while true {
            let began = surroundings.now()
            var failure: StoreError
            do throws(StoreError) {
                if health.isOver { throw unreachable(nil, url: base.url.description) }
                let result = try await work()
                health.noteAnswer(at: surroundings.now())
                return result
            } catch {
                failure = error
            }
            guard failure.code != .unreachable else { throw failure }
            tries += 1
            failure.tries = tries
            failure.seconds = surroundings.now() - start
            let pause: Double
            if failure.isUnanswered, await isSilent(since: began) {
                unanswered += 1
                pause = try outagePause(after: failure, began: began, attempt: unanswered)
            } else {
                if failure.isAnswer { health.noteAnswer(at: surroundings.now()) }
                unanswered = 0
                counted += 1
                guard let delay = policy.delay(after: failure, attempt: counted, random: surroundings.random()) else {
                    throw failure
                }
                health.noteFault(failure, now: surroundings.now(), of: policy.maxAttempts)
                pause = delay
            }
            do {
                try await surroundings.sleep(pause)
            } catch {
                throw StoreError(
                    .cancelled, url: failure.url, message: "cancelled while waiting after: \(failure.message)",
                    tries: tries, seconds: surroundings.now() - start)
            }
            counter.addRetry()
        }
    }

    private func isSilent(since began: Double) async -> Bool {
        let base = base
        return await health.isSilent(since: began, now: surroundings.now) {
            do throws(StoreError) {
                try await base.probe()
                return true
            } catch {
                return !error.isUnanswered
            }
        }
    }

    /// - Throws: ``StoreError/Code/unreachable`` where it has lasted too long.
    private func outagePause(after failure: StoreError, began: Double, attempt: Int) throws(StoreError) -> Double {
        let (now, hasAnswered) = (surroundings.now(), health.hasAnswered)
        let limit = hasAnswered ? policy.outageSeconds : min(policy.outageSeconds, policy.firstOutageSeconds)
        let silence = health.noteSilence(since: began, failure, now: now, limit: limit)
        let pause = policy.outageDelay(
            silence: silence, attempt: attempt, attemptSeconds: now - began, hasAnswered: hasAnswered,
            random: surroundings.random())
        guard let pause else {
            health.giveUp()
            var error = unreachable(failure.message, url: failure.url)
            error.tries = failure.tries
            error.seconds = silence
            throw error
        }
        return pause
    }

    private func unreachable(_ reason: String?, url: String) -> StoreError {
        StoreError(
            .unreachable, url: url,
            message: "the store cannot be reached: \(health.server): \(reason ?? counter.trouble ?? "no answer")")
    }
}

/// True for the first caller only.
private final class Once: Sendable {
    private let flag = Atomic(false)

    func isFirst() -> Bool { !flag.exchange(true, ordering: .relaxed) }
}
