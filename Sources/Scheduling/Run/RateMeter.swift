internal import Synchronization

/// Bytes per second, smoothed over some seconds.
final class RateMeter: Sendable {
    private struct State: Sendable {
        var bytes = 0
        var time = ContinuousClock.now
        var rate = 0.0
    }

    private let state = Mutex(State())

    /// The rate, `bytes` being what has been counted up to now.
    func rate(_ bytes: Int) -> Double {
        state.withLock { state in
            let now = ContinuousClock.now
            let seconds = (now - state.time) / .seconds(1)
            guard seconds > 0.1 else { return state.rate }
            state.rate += (Double(bytes - state.bytes) / seconds - state.rate) * min(1, seconds / 3)
            (state.bytes, state.time) = (bytes, now)
            return state.rate
        }
    }
}
