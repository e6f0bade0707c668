internal import CCurl
internal import Foundation
internal import Threads

/// One thread with a libcurl event loop over many kept connections. Requests wait in line for a free connection;
/// nothing blocks in Swift's cooperative pool. The thread ends with the last reference to the loop.
final class TransferLoop: Sendable {
    struct Settings: Sendable {
        var connections: Int
        var connectSeconds: Int
        var stallSeconds: Int
        /// Below this a transfer counts as stalled.
        var stallBytesPerSecond: Int
        /// Seconds at the start of a transfer in which its pace is not checked.
        var graceSeconds = 60.0
        /// Bytes per second over all transfers; nil is no limit.
        var bandwidth: Int?
        var certificateFile: String?

        /// With a low bandwidth, fewer transfers run at a time, so that each gets 64 KiB/s and none looks stalled.
        init(_ options: StoreOptions) {
            let bandwidth = options.bandwidth.map { max(1, $0) }
            connections = max(1, min(options.connections, 4096, bandwidth.map { max(1, $0 >> 16) } ?? .max))
            connectSeconds = max(1, options.connectSeconds)
            stallSeconds = max(1, options.stallSeconds)
            stallBytesPerSecond = min(1024, bandwidth.map { max(1, $0 / 64) } ?? 1024)
            self.bandwidth = bandwidth
            certificateFile = options.certificateFile
        }
    }

    private let core: TransferLoopCore

    private static let isReady: Bool = cristae_curl_global_init() == CURLE_OK

    /// Starts the thread.
    init(settings: Settings, counter: TransferCounter) throws(StoreError) {
        guard Self.isReady, let core = TransferLoopCore(settings: settings, counter: counter) else {
            throw StoreError(.connection, url: "", message: "libcurl cannot be initialised")
        }
        self.core = core
        OwnThread.startRequired("transfers") { core.run() }
    }

    deinit { core.stop() }

    /// Sends a request and waits for the end of the answer. Cancelling the task aborts the transfer.
    ///
    /// - Throws: ``StoreError`` where there is no complete answer; every status is an answer.
    func send(_ request: HTTPRequest) async throws(StoreError) -> HTTPResponse {
        let job = TransferJob(request)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                job.await(continuation)
                core.submit(job)
            }
        } onCancel: {
            job.cancel()
            core.noteCancellation()
        }
        return try result.get()
    }
}

/// What the loop's thread works on.
///
/// `@unchecked Sendable`: `arrivals`, `mustStop` and `mustSweep` are only touched with `lock` locked, everything else
/// only by the loop's thread; ``MultiHandle/wake()`` is made for other threads.
private final class TransferLoopCore: @unchecked Sendable {
    private let lock = NSLock()
    private var arrivals: [TransferJob] = []
    private var mustStop = false
    private var mustSweep = false

    private let multi: MultiHandle
    private let settings: TransferLoop.Settings
    private let counter: TransferCounter
    private var waiting: [TransferJob] = []
    private var nextWaiting = 0
    private var busy: [UnsafeMutableRawPointer: TransferSlot] = [:]
    private var free: [TransferSlot] = []
    /// Answers of transfers that have just ended. They are delivered together, so that their MD5s can be computed side by side.
    private var answers: [(job: TransferJob, answer: TransferJob.Answer)] = []
    private var bucket: TokenBucket?

    init?(settings: TransferLoop.Settings, counter: TransferCounter) {
        guard let multi = MultiHandle() else { return nil }
        multi.set(CURLMOPT_MAX_TOTAL_CONNECTIONS, settings.connections)
        multi.set(CURLMOPT_MAXCONNECTS, settings.connections)
        self.multi = multi
        self.settings = settings
        self.counter = counter
        bucket = settings.bandwidth.map { TokenBucket(bytesPerSecond: $0, now: Self.now) }
    }

    private static var now: Double { ProcessInfo.processInfo.systemUptime }

    func submit(_ job: TransferJob) {
        let isFirst = lock.withLock {
            defer { arrivals.append(job) }
            // Cancelled before it was submitted, so the sweep for it may be over.
            if job.isCancelled { mustSweep = true }
            return arrivals.isEmpty
        }
        // Only the first arrival needs to wake the loop, which takes all arrivals.
        if isFirst { multi.wake() }
    }

    func noteCancellation() {
        lock.withLock { mustSweep = true }
        multi.wake()
    }

    func stop() {
        lock.withLock { mustStop = true }
        multi.wake()
    }

    func run() {
        // A TLS connection that the peer has closed must not end the process.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)

        while takeArrivals() {
            startWaiting()
            multi.run {
                finishDone()
                startWaiting()
                limitRate()
            }
            for (job, answer) in answers { job.answer(answer) }
            answers.removeAll(keepingCapacity: true)
        }
        for (pointer, slot) in busy {
            multi.remove(pointer)
            slot.abandon()?.fail(.cancelled, "the transfer loop has ended")
        }
        for job in waiting[nextWaiting...] { job.fail(.cancelled, "the transfer loop has ended") }
        busy = [:]
        free = []
    }

    /// Takes over what other threads left.
    ///
    /// - Returns: false when the loop must end.
    private func takeArrivals() -> Bool {
        let (jobs, sweep, stop) = lock.withLock {
            defer {
                arrivals.removeAll(keepingCapacity: true)
                mustSweep = false
            }
            return (arrivals, mustSweep, mustStop)
        }
        waiting += jobs
        if sweep { removeCancelled() }
        return !stop
    }

    private func removeCancelled() {
        for (pointer, slot) in busy where slot.job?.isCancelled == true {
            multi.remove(pointer)
            busy[pointer] = nil
            slot.abandon()?.fail(.cancelled, "cancelled")
            free.append(slot)
        }
        var rest: [TransferJob] = []
        for job in waiting[nextWaiting...] {
            if job.isCancelled { job.fail(.cancelled, "cancelled") } else { rest.append(job) }
        }
        waiting = rest
        nextWaiting = 0
    }

    private func startWaiting() {
        while nextWaiting < waiting.count, busy.count < settings.connections {
            let job = waiting[nextWaiting]
            nextWaiting += 1
            if job.isCancelled {
                job.fail(.cancelled, "cancelled")
                continue
            }
            guard let slot = free.popLast() ?? TransferSlot(counter: counter) else {
                job.fail(.connection, "libcurl has no memory for a transfer")
                continue
            }
            slot.start(job, settings: settings)
            if multi.add(slot.pointer) {
                busy[slot.pointer] = slot
            } else {
                slot.abandon()?.fail(.connection, "libcurl does not take the transfer")
                free.append(slot)
            }
        }
        // Drops the served part of the queue only now and then, because that moves the rest.
        if nextWaiting == waiting.count || nextWaiting > 1024 {
            waiting.removeFirst(nextWaiting)
            nextWaiting = 0
        }
    }

    private func finishDone() {
        while let (pointer, code) = multi.nextDone() {
            guard let slot = busy.removeValue(forKey: pointer) else { continue }
            bucket?.take(slot.takeNewBytes())
            multi.remove(pointer)
            if let ended = slot.finish(code) { answers.append(ended) }
            free.append(slot)
        }
    }

    /// Sleeps. Only this thread reads the sockets, so TCP slows the servers down meanwhile.
    private func limitRate() {
        guard bucket != nil else { return }
        for slot in busy.values { bucket?.take(slot.takeNewBytes()) }
        let delay = bucket?.delay(now: Self.now) ?? 0
        if delay > 0 { Thread.sleep(forTimeInterval: min(delay, 0.5)) }
    }
}

/// Limits a rate: received bytes make a debt, and the caller waits until it is paid.
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

    /// Seconds to wait until the debt is paid. The credit is at most a quarter of a second's worth of bytes.
    mutating func delay(now: Double) -> Double {
        tokens = min(bytesPerSecond / 4, tokens + max(0, now - last) * bytesPerSecond)
        last = now
        return max(0, -tokens / bytesPerSecond)
    }
}
