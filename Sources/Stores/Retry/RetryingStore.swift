internal import Foundation

/// Sends failed requests again, as a ``RetryPolicy`` says. A listing is repeated page by page.
struct RetryingStore<Base: PagedStore>: ObjectStore {
    /// Time and chance, so that tests need neither.
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
    var surroundings = Surroundings()

    var url: StoreURL { base.url }

    func get(_ key: String, part: ObjectPart, maximumBytes: Int) async throws(StoreError) -> StoredObject? {
        try await attempt { () throws(StoreError) in
            try await base.get(key, part: part, maximumBytes: maximumBytes)
        }
    }

    func list(_ prefix: String) async throws(StoreError) -> Listing {
        try await base.list(prefix) { token throws(StoreError) in
            try await attempt { () throws(StoreError) in try await base.listPage(prefix, after: token) }
        }
    }

    func mark(of key: String) async throws(StoreError) -> MarkAnswer {
        try await attempt { () throws(StoreError) in try await base.mark(of: key) }
    }

    func objects(below prefix: String, after token: String?) async throws(StoreError) -> ObjectPage? {
        try await attempt { () throws(StoreError) in try await base.objects(below: prefix, after: token) }
    }

    private func attempt<R: Sendable>(_ work: () async throws(StoreError) -> R) async throws(StoreError) -> R {
        let start = surroundings.now()
        var tries = 1
        while true {
            var failure: StoreError
            do throws(StoreError) {
                return try await work()
            } catch {
                failure = error
            }
            failure.tries = tries
            failure.seconds = surroundings.now() - start
            guard let delay = policy.delay(after: failure, attempt: tries, random: surroundings.random()) else {
                throw failure
            }
            do {
                try await surroundings.sleep(delay)
            } catch {
                throw StoreError(
                    .cancelled, url: failure.url, message: "cancelled while waiting after: \(failure.message)",
                    tries: tries, seconds: surroundings.now() - start)
            }
            tries += 1
            counter.addRetry()
        }
    }
}
