internal import Foundation

/// Ends transfers that are too slow. After some time, a body must have a minimum mean rate, which is higher for larger bodies. libcurl
/// itself ends transfers that (nearly) stand still.
struct TransferPace {
    /// Seconds that a body may take, unless that needs more than ``mostBytesPerSecond``.
    private static let bodySeconds = 900.0
    /// The highest minimum rate.
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

    /// The minimum mean rate of a body, in bytes per second.
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
