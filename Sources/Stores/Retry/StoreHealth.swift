internal import Foundation
internal import Synchronization

/// Watches whether a store answers, over all its requests. Its clock starts with the first request that gets no answer; any answer stops
/// it.
///
/// Logs the first fault at once, and long outages once a minute.
final class StoreHealth: Sendable {
    private struct State: Sendable {
        var hasAnswered: Bool
        var lastAnswer = -Double.infinity
        /// The start of the first request without an answer since the last answer.
        var silentSince: Double?
        /// Whether the outage has lasted too long. Then no more requests are sent.
        var isOver = false
        var lastTold: [StoreError.Code: Double] = [:]
        var probe: Task<Bool, Never>?
        var lastVainProbe = -Double.infinity
    }

    /// A fault of the same kind is logged again after this many seconds.
    private static let tellingSeconds = 60.0
    /// The result of a probe without an answer holds for this many seconds.
    private static let probeSeconds = 1.0
    /// A store that has not answered its first request for this many seconds is logged.
    private static let quietSeconds = 4.0

    /// Host and port.
    let server: String
    private let counter: TransferCounter
    private let tell: @Sendable (String) -> Void
    private let state: Mutex<State>

    /// - Parameters:
    ///   - hasAnswered: whether it has ever answered this job.
    ///   - tell: takes a line for the log.
    init(
        server: String, hasAnswered: Bool = false, counter: TransferCounter, tell: @escaping @Sendable (String) -> Void
    ) {
        self.server = server
        self.counter = counter
        self.tell = tell
        state = Mutex(State(hasAnswered: hasAnswered))
    }

    var hasAnswered: Bool { state.withLock { $0.hasAnswered } }
    var isOver: Bool { state.withLock { $0.isOver } }

    /// Notes an answer, of whatever kind.
    func noteAnswer(at now: Double) {
        let silentSince = state.withLock { state in
            state.hasAnswered = true
            state.lastAnswer = max(state.lastAnswer, now)
            defer { state.silentSince = nil }
            return state.silentSince
        }
        guard let silentSince else { return }
        counter.trouble = nil
        tell("\(server) answers again after \(Int((now - silentSince).rounded())) s")
    }

    /// Whether the store is silent: no request got an answer since `began`. If there was no other request, a probe for the store itself
    /// decides, because only the one object might be unavailable.
    ///
    /// - Parameters:
    /// - probe: sends the probe, and says whether there was an answer.
    func isSilent(
        since began: Double, now: @escaping @Sendable () -> Double, probe: @escaping @Sendable () async -> Bool
    ) async -> Bool {
        let task = state.withLock { state -> Task<Bool, Never>? in
            if state.lastAnswer >= began { return nil }
            if let task = state.probe { return task }
            guard now() - state.lastVainProbe >= Self.probeSeconds else { return Task { false } }
            // A task of its own, so that a cancelled caller does not cancel the probe for the others.
            let task = Task { [self] in
                let isAnswered = await probe()
                let time = now()
                endProbe(at: time, isAnswered)
                if isAnswered { noteAnswer(at: time) }
                return isAnswered
            }
            state.probe = task
            return task
        }
        guard let task else { return false }
        return await !task.value
    }

    private func endProbe(at time: Double, _ isAnswered: Bool) {
        state.withLock { state in
            state.probe = nil
            state.lastVainProbe = isAnswered ? -.infinity : time
        }
    }

    /// Notes a request without an answer.
    ///
    /// - Returns: seconds for which there has been none.
    func noteSilence(since began: Double, _ fault: StoreError, now: Double, limit: Double) -> Double {
        let (silence, isTold) = state.withLock { state in
            let since = min(state.silentSince ?? began, began)
            state.silentSince = since
            return (now - since, Self.mustTell(fault.code, now, &state))
        }
        let reason = "\(server) does not answer: \(fault.message)"
        counter.trouble = reason
        if isTold {
            tell("\(reason); for \(Int(silence.rounded())) s, tried again for up to \(Int(limit.rounded())) s")
        }
        return silence
    }

    /// Notes a fault after which the request is sent again.
    func noteFault(_ fault: StoreError, now: Double, of maxAttempts: Int) {
        guard state.withLock({ Self.mustTell(fault.code, now, &$0) }) else { return }
        tell("\(fault); tried again, up to \(maxAttempts) times in all")
    }

    /// Nothing is sent any more.
    func giveUp() { state.withLock { $0.isOver = true } }

    private static func mustTell(_ code: StoreError.Code, _ now: Double, _ state: inout State) -> Bool {
        if let last = state.lastTold[code], now - last < tellingSeconds { return false }
        state.lastTold[code] = now
        return true
    }

    /// Logs a line if the store does not answer the first request soon.
    func watchFirst() {
        Task { [self] in
            try? await Task.sleep(for: .seconds(Self.quietSeconds))
            let isQuiet = state.withLock { $0.lastAnswer == -.infinity && $0.silentSince == nil && $0.lastTold.isEmpty }
            if isQuiet { tell("no answer from \(server) for \(Int(Self.quietSeconds)) s") }
        }
    }
}
