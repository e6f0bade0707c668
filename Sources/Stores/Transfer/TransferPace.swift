internal import Foundation

/// Ends transfers that go on for ever: after a while a body must have come faster, on the whole, the larger it is. libcurl itself ends those
/// that (nearly) stand still.
struct TransferPace {
    /// A body may take so many seconds, be it as large as it will, as long as ``mostBytesPerSecond`` are not asked for.
    private static let bodySeconds = 900.0
    /// No body must be faster.
    private static let mostBytesPerSecond = 65536.0

    private let leastBytesPerSecond: Double
    private let mostBytesPerSecond: Double
    private let graceSeconds: Double
    private var start: Double?
    private var received = 0

    init(settings: TransferLoop.Settings?) {
        leastBytesPerSecond = Double(settings?.stallBytesPerSecond ?? 0)
        let share = settings.flatMap { settings in settings.bandwidth.map { Double($0 / settings.connections) / 4 } }
        mostBytesPerSecond = min(Self.mostBytesPerSecond, share ?? .infinity)
        graceSeconds = settings?.graceSeconds ?? .infinity
    }

    /// Bytes per second that a body must have on the whole after the first while.
    func floor(announced: Int) -> Double {
        max(leastBytesPerSecond, min(mostBytesPerSecond, Double(announced) / Self.bodySeconds))
    }

    /// Takes note of bytes that have come.
    mutating func take(_ count: Int, announced: Int?) throws(BodySink.Refusal) {
        let now = ProcessInfo.processInfo.systemUptime
        received += count
        guard let start else {
            self.start = now
            return
        }
        let seconds = now - start - graceSeconds
        guard seconds > 0 else { return }
        let floor = floor(announced: announced ?? received)
        guard Double(received) < floor * seconds else { return }
        throw BodySink.Refusal(
            code: .stalled,
            message:
                "\(received) bytes came in \(Int(now - start)) s; \(Int(floor)) a second are the least for this object")
    }
}
