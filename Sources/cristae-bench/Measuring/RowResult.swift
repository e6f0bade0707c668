/// What came out of one row of the table.
struct RowResult: Codable, Sendable {
    /// A ratio or a number that has to hold.
    struct Check: Codable, Sendable {
        let what: String
        let value: Double
        /// How far it may go.
        let target: Double
        /// Whether `value` has to be at least, or at most, the target.
        let isAtLeast: Bool

        var holds: Bool { isAtLeast ? value >= target : value <= target }
    }

    struct Contestant: Codable, Sendable {
        let name: String
        var samples: [Sample] = []
        /// Why it has not run.
        var absence: String?
    }

    let row: String
    let work: String
    /// Bytes that the work goes through, for processor seconds per GB; nil where that says nothing.
    var bytes: Double?
    var contestants: [Contestant]
    var checks: [Check] = []
    /// What holds it up.
    var limit = ""

    func samples(_ name: String) -> [Sample] { contestants.first { $0.name == name }?.samples ?? [] }

    /// Adds the check that one figure of ours, against the same figure of a peer, is at least (or at most) `target` times as good.
    mutating func compare(
        _ what: String, _ figure: ([Sample]) -> Double, ours: String = "cristae", with peer: String,
        isRate: Bool = true,
        atLeast target: Double? = nil, atMost limit: Double? = nil
    ) {
        let (own, other) = (samples(ours), samples(peer))
        guard !own.isEmpty, !other.isEmpty, figure(own) > 0, figure(other) > 0 else { return }
        let ratio = isRate ? figure(other) / figure(own) : figure(own) / figure(other)
        if let target { checks.append(Check(what: "\(what) ÷ \(peer)", value: ratio, target: target, isAtLeast: true)) }
        if let limit { checks.append(Check(what: "\(what) ÷ \(peer)", value: ratio, target: limit, isAtLeast: false)) }
    }
}
