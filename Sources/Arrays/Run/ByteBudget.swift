internal import DequeModule
internal import Synchronization

/// Bytes that may be in memory at a time. Who asks for more than is free waits in line.
///
/// A request for more than the whole budget is cut to it, so that it can be granted once everything has been given back.
public final class ByteBudget: Sendable {
    private struct State {
        var used = 0
        var waiting: Deque<(bytes: Int, continuation: CheckedContinuation<Void, Never>)> = []
    }

    private let limit: Int
    private let state = Mutex(State())

    public init(limit: Int) { self.limit = max(1, limit) }

    /// Runs `body` while holding `bytes` of the budget.
    public func with<R: Sendable>(_ bytes: Int, _ body: @Sendable () async throws -> R) async rethrows -> R {
        let taken = await take(bytes)
        defer { give(taken) }
        return try await body()
    }

    /// Waits for `bytes` of the budget.
    ///
    /// - Returns: what was taken, to be given back with ``give(_:)``.
    public func take(_ bytes: Int) async -> Int {
        let wish = min(bytes, limit)
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.waiting.isEmpty, state.used + wish <= limit else {
                    state.waiting.append((wish, continuation))
                    return false
                }
                state.used += wish
                return true
            }
            if isFree { continuation.resume() }
        }
        return wish
    }

    /// Takes what is free, at most `bytes`, without waiting in line.
    ///
    /// - Returns: what was taken, to be given back with ``give(_:)``.
    func takeAtOnce(atMost bytes: Int) -> Int {
        state.withLock { state in
            let taken = max(0, min(bytes, limit - state.used))
            state.used += taken
            return taken
        }
    }

    func give(_ bytes: Int) {
        let next = state.withLock { state in
            state.used -= bytes
            var next: [CheckedContinuation<Void, Never>] = []
            while let first = state.waiting.first, state.used + first.bytes <= limit {
                state.used += first.bytes
                next.append(state.waiting.removeFirst().continuation)
            }
            return next
        }
        for continuation in next { continuation.resume() }
    }
}
