internal import Codecs
internal import Crypto
internal import Elements
internal import Synchronization
internal import Threads

/// MD5s of bodies, of several at a time where several have come: the more there is to do, the cheaper each becomes.
final class BodyDigests: Sendable {
    private struct Waiting: Sendable {
        let body: ByteBuffer
        let continuation: CheckedContinuation<[UInt8], Never>
    }

    private struct State: Sendable {
        var waiting: [Waiting] = []
        var running = 0
    }

    /// So few that one after the other is quicker. Without the optimiser, vectors are slower than anything.
    #if DEBUG
        private static let usualLanes = Int.max
    #else
        private static let usualLanes = 3
    #endif

    static let shared = BodyDigests()
    private let leastLanes: Int
    private let state = Mutex(State())

    /// - Parameter leastLanes: bodies from which on they are taken side by side.
    init(leastLanes: Int = usualLanes) { self.leastLanes = leastLanes }

    /// The 16 bytes of the MD5 of a body.
    func digest(of body: ByteBuffer) async -> [UInt8] {
        await withCheckedContinuation { continuation in
            let mustStart = state.withLock { state in
                state.waiting.append(Waiting(body: body, continuation: continuation))
                // While one thread is at it, the next ones gather; a second thread helps when there are enough of them.
                let mustStart =
                    state.running == 0
                    || (state.waiting.count >= MD5Lanes.count && state.running < ThreadPool.compute.width)
                if mustStart { state.running += 1 }
                return mustStart
            }
            if mustStart { start() }
        }
    }

    private func start() { ThreadPool.compute.start { [self] in work() } }

    private func work() {
        let batch = state.withLock { state in
            // The longest first: lanes of about the same length waste least.
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
        let mustGoOn = state.withLock { state in
            let mustGoOn =
                !state.waiting.isEmpty && (state.running == 1 || state.waiting.count >= MD5Lanes.count)
            if !mustGoOn { state.running -= 1 }
            return mustGoOn
        }
        // Through the queue again, so that decoding and encoding have their turns.
        if mustGoOn { start() }
    }
}
