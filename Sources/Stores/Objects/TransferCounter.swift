internal import Synchronization

/// Counts what goes over the network, for the progress display. Any thread may add and read.
public final class TransferCounter: Sendable {
    /// The counts at one moment.
    public struct Snapshot: Sendable, Equatable {
        /// Requests sent, repeated ones included.
        public var requests: Int
        /// Bytes of bodies received, those of failed attempts included.
        public var bytes: Int
        /// Attempts after a failure.
        public var retries: Int
    }

    private let requestCount = Atomic<Int>(0)
    private let byteCount = Atomic<Int>(0)
    private let retryCount = Atomic<Int>(0)
    private let troubleText = Mutex<String?>(nil)

    public init() {}

    public var snapshot: Snapshot {
        Snapshot(
            requests: requestCount.load(ordering: .relaxed), bytes: byteCount.load(ordering: .relaxed),
            retries: retryCount.load(ordering: .relaxed))
    }

    /// Why the store gives no answer at the moment, for the progress display; nil where it does.
    public internal(set) var trouble: String? {
        get { troubleText.withLock { $0 } }
        set { troubleText.withLock { $0 = newValue } }
    }

    func addRequest() { requestCount.wrappingAdd(1, ordering: .relaxed) }
    func addBytes(_ count: Int) { byteCount.wrappingAdd(count, ordering: .relaxed) }
    func addRetry() { retryCount.wrappingAdd(1, ordering: .relaxed) }
}
