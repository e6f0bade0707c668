internal import DequeModule

/// Bytes that may be in memory at a time: those who want more wait in line.
///
/// A wish larger than the whole budget is granted when nothing else is out, so that it can be fulfilled at all.
actor ByteBudget {
    private let limit: Int
    private var used = 0
    private var waiting: Deque<(bytes: Int, continuation: CheckedContinuation<Void, Never>)> = []

    init(limit: Int) { self.limit = max(1, limit) }

    /// Runs `body` while holding `bytes` of the budget.
    nonisolated func with<R: Sendable>(_ bytes: Int, _ body: @Sendable () async throws -> R) async rethrows -> R {
        let wish = Swift.min(bytes, limit)
        await take(wish)
        do {
            let result = try await body()
            await give(wish)
            return result
        } catch {
            await give(wish)
            throw error
        }
    }

    private func take(_ bytes: Int) async {
        if waiting.isEmpty && used + bytes <= limit {
            used += bytes
            return
        }
        await withCheckedContinuation { waiting.append((bytes, $0)) }
    }

    private func give(_ bytes: Int) {
        used -= bytes
        while let next = waiting.first, used + next.bytes <= limit {
            used += next.bytes
            waiting.removeFirst().continuation.resume()
        }
    }
}
