/// Decides, in this place only, whether a failed request is sent again and when.
///
/// Full-jitter exponential backoff: <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>.
struct RetryPolicy: Sendable {
    /// Attempts in all.
    var maxAttempts = 10
    /// The first delay is between 0 and this.
    var baseSeconds = 0.1
    /// No delay of our own is longer.
    var capSeconds = 20.0
    /// No delay that the server asks for is longer.
    var maxRetryAfterSeconds = 120.0

    /// Seconds to wait before the next attempt, or nil where there is none.
    ///
    /// - Parameters:
    ///   - attempt: how many have been made, from 1.
    ///   - random: 0 to 1, evenly distributed.
    func delay(after error: StoreError, attempt: Int, random: Double) -> Double? {
        guard error.isRetryable, attempt < maxAttempts else { return nil }
        var ceiling = baseSeconds
        for _ in 1..<max(1, attempt) where ceiling < capSeconds { ceiling *= 2 }
        let jitter = min(capSeconds, ceiling) * min(1, max(0, random))
        guard let asked = error.retryAfterSeconds else { return jitter }
        return min(maxRetryAfterSeconds, max(0, asked) + jitter)
    }
}
