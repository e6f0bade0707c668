/// Limits a rate: bytes are taken when they have arrived, and a debt is waited for.
struct TokenBucket: Sendable {
    private let bytesPerSecond: Double
    private var tokens: Double
    private var last: Double

    /// - Parameter now: seconds of any clock that only goes forward.
    init(bytesPerSecond: Int, now: Double) {
        self.bytesPerSecond = Double(max(1, bytesPerSecond))
        tokens = 0
        last = now
    }

    mutating func take(_ count: Int) { tokens -= Double(count) }

    /// Seconds to wait until the debt is paid. At most a quarter of a second's worth is saved up.
    mutating func delay(now: Double) -> Double {
        tokens = min(bytesPerSecond / 4, tokens + max(0, now - last) * bytesPerSecond)
        last = now
        return max(0, -tokens / bytesPerSecond)
    }
}
