internal import Foundation
internal import Synchronization

/// Whether a store answers, over all its requests. One clock per store: it begins with the first request that gets no answer, and any answer
/// stops it.
///
/// Tells the first fault at once, and long outages once a minute.
final class StoreHealth: Sendable {
    private struct State: Sendable {
        var hasAnswered: Bool
        var lastAnswer = -Double.infinity
        /// When the first of the requests began that have got no answer since the last one.
        var silentSince: Double?
        /// Whether it has lasted too long: nothing is sent any more.
        var isOver = false
        var lastTold: [StoreError.Code: Double] = [:]
        var probe: Task<Bool, Never>?
        var lastVainProbe = -Double.infinity
    }

    /// A fault of the same kind is told again after so many seconds.
    private static let tellingSeconds = 60.0
    /// A probe that has got no answer speaks for those who ask so many seconds later.
    private static let probeSeconds = 1.0
    /// A store that says nothing for so long is spoken of.
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

    /// Whether nobody has got an answer while a request was under way that got none. Where nobody else has asked, a request for the store
    /// itself tells a store that is silent from one object that cannot be had.
    ///
    /// - Parameters:
    ///   - probe: sends such a request; whether there is an answer.
    func isSilent(
        since began: Double, now: @escaping @Sendable () -> Double, probe: @escaping @Sendable () async -> Bool
    ) async -> Bool {
        let task = state.withLock { state -> Task<Bool, Never>? in
            if state.lastAnswer >= began { return nil }
            if let task = state.probe { return task }
            guard now() - state.lastVainProbe >= Self.probeSeconds else { return Task { false } }
            // Of nobody's task: who is cancelled must not take the answer from the others.
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

    /// Speaks of a store that has not answered the first request soon.
    func watchFirst() {
        Task { [self] in
            try? await Task.sleep(for: .seconds(Self.quietSeconds))
            let isQuiet = state.withLock { $0.lastAnswer == -.infinity && $0.silentSince == nil && $0.lastTold.isEmpty }
            if isQuiet { tell("no answer from \(server) for \(Int(Self.quietSeconds)) s") }
        }
    }
}
