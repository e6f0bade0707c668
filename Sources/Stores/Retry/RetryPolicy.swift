/// Decides, in this place only, whether a failed request is sent again and when.
///
/// Exponential backoff with jitter: <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>. Jitter covers the upper
/// half of each pause, so that no pause is close to zero. The first pauses are short; ten attempts take at least two minutes, enough for a
/// server that restarts or throttles.
struct RetryPolicy: Sendable {
    /// Attempts in all.
    var maxAttempts = 10
    /// The first pause is at most this.
    var baseSeconds = 0.25
    /// The most that a pause grows over the one before, as a factor.
    var growth = 2.2
    /// No pause of our own is longer.
    var capSeconds = 150.0
    /// No pause that the server asks for is longer.
    var maxRetryAfterSeconds = 120.0
    /// How long a store that does not answer at all is waited for.
    var outageSeconds = 600.0
    /// The same for a store that has never answered: its name may be wrong.
    var firstOutageSeconds = 60.0
    /// The longest pause while the store does not answer, so that its return is noticed soon.
    var outageCapSeconds = 10.0

    /// Seconds to wait before the next attempt, or nil where there is none.
    ///
    /// - Parameters:
    /// - attempt: the number of attempts that count so far, from 1.
    ///   - random: 0 to 1, evenly distributed.
    func delay(after error: StoreError, attempt: Int, random: Double) -> Double? {
        guard error.isRetryable, attempt < maxAttempts else { return nil }
        let pause = pause(attempt, cap: capSeconds, random: random)
        guard let asked = error.retryAfterSeconds else { return pause }
        return min(maxRetryAfterSeconds, max(0, asked) + pause)
    }

    /// Seconds to wait before the next attempt while the store does not answer at all; nil after too long an outage. Attempts during an outage
    /// do not count for ``maxAttempts``.
    ///
    /// - Parameters:
    ///   - silence: seconds for which there has been no answer.
    /// - attempt: the number of attempts in this outage, from 1.
    /// - attemptSeconds: the duration of the last attempt. There is no further attempt where it would end long after the limit.
    ///   - hasAnswered: whether the store has ever answered.
    func outageDelay(
        silence: Double, attempt: Int, attemptSeconds: Double, hasAnswered: Bool, random: Double
    ) -> Double? {
        let limit = hasAnswered ? outageSeconds : min(outageSeconds, firstOutageSeconds)
        let left = limit - silence
        guard left > 0, left > attemptSeconds / 2 else { return nil }
        return min(left, pause(attempt, cap: outageCapSeconds, random: random))
    }

    private func pause(_ attempt: Int, cap: Double, random: Double) -> Double {
        var ceiling = baseSeconds
        for _ in 1..<max(1, attempt) where ceiling < cap { ceiling *= growth }
        return min(cap, ceiling) * (0.5 + 0.5 * min(1, max(0, random)))
    }
}
