internal import Codecs
internal import Crypto
internal import Elements
internal import Synchronization
internal import Threads

/// Computes the MD5s of several bodies side by side in the lanes of a vector.
///
/// A large body waits some milliseconds for others to share the vector with. That delays nothing, because its connection already has its
/// next request.
final class BodyDigests: Sendable {
    private struct Waiting: Sendable {
        let body: ByteBuffer
        let continuation: CheckedContinuation<[UInt8], Never>
    }

    private struct State: Sendable {
        var waiting: [Waiting] = []
        /// Threads that compute digests now.
        var running = 0
        /// Whether a timer is running that will start the waiting bodies.
        var isTimed = false
    }

    /// What to do about the waiting bodies.
    private enum Step {
        case work, time, nothing
    }

    /// Up to this many bodies, one after the other is faster. Without the optimiser vectors never are.
    #if DEBUG
        private static let usualLanes = Int.max
    #else
        private static let usualLanes = 3
    #endif

    /// How long a large body waits for others.
    private static let patience = Duration.milliseconds(4)

    static let shared = BodyDigests()
    private let leastLanes: Int
    private let leastPatientBytes: Int
    private let state = Mutex(State())

    /// - Parameters:
    /// - leastLanes: the fewest bodies that are computed side by side.
    /// - leastPatientBytes: the smallest body, in bytes, that waits for others.
    init(leastLanes: Int = usualLanes, leastPatientBytes: Int = 64 << 10) {
        self.leastLanes = leastLanes
        self.leastPatientBytes = leastLanes <= MD5Lanes.count ? leastPatientBytes : .max
    }

    /// The 16 bytes of the MD5 of a body.
    func digest(of body: ByteBuffer) async -> [UInt8] {
        await withCheckedContinuation { continuation in
            let step = state.withLock { state in
                state.waiting.append(Waiting(body: body, continuation: continuation))
                return next(&state)
            }
            take(step)
        }
    }

    /// While one thread works, further bodies gather. A second thread starts when they fill all lanes.
    private func next(_ state: inout State) -> Step {
        let isFull = state.waiting.count >= MD5Lanes.count
        guard !state.waiting.isEmpty, state.running < (isFull ? ThreadPool.compute.width : 1) else { return .nothing }
        if isFull || state.waiting.contains(where: { $0.body.count < leastPatientBytes }) {
            state.running += 1
            return .work
        }
        if state.isTimed { return .nothing }
        state.isTimed = true
        return .time
    }

    private func take(_ step: Step) {
        switch step {
        case .work: start()
        case .time:
            Task {
                try? await Task.sleep(for: Self.patience)
                let mustStart = state.withLock { state in
                    state.isTimed = false
                    guard state.running == 0, !state.waiting.isEmpty else { return false }
                    state.running = 1
                    return true
                }
                if mustStart { start() }
            }
        case .nothing: break
        }
    }

    private func start() { ThreadPool.compute.start { [self] in work() } }

    private func work() {
        let batch = state.withLock { state in
            // The longest first, because lanes of similar length waste the least.
            state.waiting.sort { $0.body.count > $1.body.count }
            let batch = Array(state.waiting.prefix(MD5Lanes.count))
            state.waiting.removeFirst(batch.count)
            return batch
        }
        if batch.count >= leastLanes {
            for (one, digest) in zip(batch, MD5Lanes.digests(of: batch.map(\.body))) {
                one.continuation.resume(returning: digest)
            }
        } else {
            for one in batch {
                let digest = one.body.withUnsafeBytes { bytes in
                    var hash = Insecure.MD5()
                    hash.update(bufferPointer: bytes)
                    return Array(hash.finalize())
                }
                one.continuation.resume(returning: digest)
            }
        }
        let step = state.withLock { state in
            state.running -= 1
            return next(&state)
        }
        // Goes through the queue again, so that decoding and encoding get their turns.
        take(step)
    }
}
