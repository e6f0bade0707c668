/// Which level of a pyramid is used. Only the declared voxel sizes count, never `2^k`.
public struct LevelChoice: Sendable, Hashable {
    /// nm, z, y, x.
    public let target: ZYX<Double>
    /// A level counts as close to the target while its voxel is smaller than `2 * (1 - tolerance) * target`.
    public let tolerance: Double
    /// Take the finest pair whatever the target.
    public let finest: Bool

    public init(target: ZYX<Double>, tolerance: Double, finest: Bool) {
        self.target = target
        self.tolerance = tolerance
        self.finest = finest
    }

    /// The levels chosen for raw data and for each label image, as indices into what was given.
    public struct Choice: Sendable, Hashable {
        public let raw: Int
        public let labels: [Int]
        /// Whether each label level has the voxel size of the raw level.
        public let matched: [Bool]

        public init(raw: Int, labels: [Int], matched: [Bool]) {
            self.raw = raw
            self.labels = labels
            self.matched = matched
        }
    }

    /// Chooses one raw level, and a level for each label image.
    ///
    /// Of the pairs with equal voxel size (relative tolerance 1e-3) the coarsest that is close to the target on every axis, or the
    /// finest where none is. Where several label images are given, a raw level that all of them can match is preferred;
    /// an image that cannot match it follows the rule alone. nil where the raw data has no level, or a label image has none.
    public func choose(raw: [ZYX<Double>], labels: [[ZYX<Double>]]) -> Choice? {
        guard !raw.isEmpty, labels.allSatisfy({ !$0.isEmpty }) else { return nil }
        let matches = raw.indices.map { level in
            labels.map { image in image.firstIndex { Self.isEqual($0, raw[level]) } }
        }
        let most = matches.map { $0.count { $0 != nil } }.max() ?? 0
        let candidates =
            most == 0 ? Array(raw.indices) : raw.indices.filter { level in matches[level].count { $0 != nil } == most }
        guard let chosen = alone(candidates.map { raw[$0] }).map({ candidates[$0] }) else { return nil }
        var chosenLabels: [Int] = []
        for (image, match) in zip(labels, matches[chosen]) {
            guard let level = match ?? alone(image) else { return nil }
            chosenLabels.append(level)
        }
        return Choice(raw: chosen, labels: chosenLabels, matched: matches[chosen].map { $0 != nil })
    }

    /// The rule for one pyramid: the coarsest level close to the target on every axis, else the finest.
    public func alone(_ levels: [ZYX<Double>]) -> Int? {
        let byVolume = levels.indices.sorted { Self.volume(levels[$0]) < Self.volume(levels[$1]) }
        guard !finest else { return byVolume.first }
        return byVolume.last { isClose(levels[$0]) } ?? byVolume.first
    }

    private func isClose(_ voxel: ZYX<Double>) -> Bool {
        voxel.zip(target) { $0 < 2 * (1 - tolerance) * $1 }.allSatisfy { $0 }
    }

    private static func volume(_ voxel: ZYX<Double>) -> Double { voxel.z * voxel.y * voxel.x }

    /// Whether two voxel sizes are the same within a relative tolerance of 1e-3 on every axis: stored scales carry float
    /// noise (11.840000000000002), and 1e-3 is what the crops' own loaders use.
    public static func isEqual(_ a: ZYX<Double>, _ b: ZYX<Double>) -> Bool {
        a.zip(b) { abs($0 - $1) <= 1e-3 * max(abs($0), abs($1)) }.allSatisfy { $0 }
    }
}
