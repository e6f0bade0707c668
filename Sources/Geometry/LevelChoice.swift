/// A level of a pyramid as its metadata declare it, without the shape, which no choice needs.
public struct LevelPlace: Sendable, Hashable {
    /// nm per voxel.
    public var voxelSize: ZYX<Double>
    /// Centre of voxel 0, in nm.
    public var translation: ZYX<Double>

    public init(voxelSize: ZYX<Double>, translation: ZYX<Double>) {
        self.voxelSize = voxelSize
        self.translation = translation
    }

    /// The outer edge of voxel 0, in nm.
    public var edge: ZYX<Double> { translation.zip(voxelSize) { $0 - $1 / 2 } }
}

/// Which level of a pyramid is used. Only the declared voxel sizes and translations count, never `2^k`.
///
/// A *pair* is a label level and a raw level of equal voxel size. It *fits* where the first edge of the label level lies on a voxel
/// edge of the raw level. Only then do raw data and labels have one shape without resampling: at 8 nm the coarsest pair of 85 of the
/// 305 public crops lies half a voxel off.
public struct LevelChoice: Sendable, Hashable {
    /// Which of the pairs is taken.
    public enum Preference: String, Sendable, Hashable {
        /// The coarsest pair below the bound that fits.
        case target
        /// The coarsest pair below the bound, whether it fits or not.
        case coarsest
        /// The finest pair, whatever the bound.
        case finest
    }

    /// nm, z, y, x.
    public let target: ZYX<Double>
    /// The bound: a level is near the target while its voxel is smaller than `2 * (1 - tolerance) * target` on every axis.
    public let tolerance: Double
    public let preference: Preference

    public init(target: ZYX<Double>, tolerance: Double, preference: Preference) {
        self.target = target
        self.tolerance = tolerance
        self.preference = preference
    }

    /// How the levels of an item belong together.
    public enum Case: String, Sendable, Hashable, Codable {
        /// Raw data and labels have equal voxels, and their edges meet.
        case pair
        /// Raw data and labels have equal voxels, and their edges do not meet: the raw box is taken outwards.
        case pairOffGrid = "pair_off_grid"
        /// No raw level has the voxel size of a label level: each goes by the target alone.
        case alone
    }

    /// The levels chosen for raw data and for each label image, as indices into what was given.
    public struct Choice: Sendable, Hashable {
        /// With ``Case/alone``, ``raw(_:whole:)`` decides again when the labels' shapes are known.
        public let raw: Int
        public let labels: [Int]
        /// Whether each label level has the voxel size of the raw level.
        public let matched: [Bool]
        public let kind: Case

        public init(raw: Int, labels: [Int], matched: [Bool], kind: Case) {
            self.raw = raw
            self.labels = labels
            self.matched = matched
            self.kind = kind
        }
    }

    /// Chooses one raw level, and a level for each label image.
    ///
    /// Candidates are the raw levels that pair with the most label images. The result is the coarsest candidate where all paired boxes fit. If
    /// there is none, it is the coarsest with no voxel above half the target, else the finest. An image without a partner follows
    /// ``alone(_:)``. nil where the raw data or a label image has no level.
    public func choose(raw: [LevelPlace], labels: [[LevelPlace]]) -> Choice? {
        guard !raw.isEmpty, labels.allSatisfy({ !$0.isEmpty }) else { return nil }
        let partners = raw.map { level in
            labels.map { image in image.firstIndex { Self.isEqual($0.voxelSize, level.voxelSize) } }
        }
        func pairs(_ level: Int) -> Int { partners[level].count { $0 != nil } }
        let allowed = raw.indices.filter { preference == .finest || isNear(raw[$0].voxelSize) }
        let most = allowed.map(pairs).max() ?? 0
        let candidates = most == 0 ? [] : finestFirst(allowed.filter { pairs($0) == most }, of: raw)
        func fits(_ level: Int) -> Bool {
            zip(labels, partners[level]).allSatisfy { image, partner in
                partner.map { Self.fits(image[$0], in: raw[level]) } ?? true
            }
        }
        let chosen =
            switch preference {
            case .finest: candidates.first
            case .coarsest: candidates.last
            case .target:
                candidates.last(where: fits) ?? candidates.last { isHalf(raw[$0].voxelSize) } ?? candidates.first
            }
        guard let level = chosen ?? alone(raw) else { return nil }
        var levels: [Int] = []
        for (image, partner) in zip(labels, partners[level]) {
            guard let own = (chosen == nil ? nil : partner) ?? alone(image) else { return nil }
            levels.append(own)
        }
        return Choice(
            raw: level, labels: levels,
            matched: zip(zip(labels, levels), partners[level]).map { image, _ in
                Self.isEqual(image.0[image.1].voxelSize, raw[level].voxelSize)
            },
            kind: chosen == nil ? .alone : (fits(level) ? .pair : .pairOffGrid))
    }

    /// The finest level of a pyramid.
    public func finest(_ levels: [LevelPlace]) -> Int? { finestFirst(Array(levels.indices), of: levels).first }

    /// The rule for one pyramid: the coarsest level near the target on every axis, else the finest.
    public func alone(_ levels: [LevelPlace]) -> Int? {
        let order = finestFirst(Array(levels.indices), of: levels)
        guard preference != .finest else { return order.first }
        return order.last { isNear(levels[$0].voxelSize) } ?? order.first
    }

    /// The raw level if no label level has its voxel size: the coarsest near the target in which the labels' box is whole, else the finest.
    ///
    /// - Parameter isWhole: whether the labels' box begins and ends on voxel edges of a raw level.
    public func raw(_ levels: [LevelPlace], whole isWhole: (LevelPlace) -> Bool) -> Int? {
        let order = finestFirst(Array(levels.indices), of: levels)
        guard preference != .finest else { return order.first }
        return order.last { isNear(levels[$0].voxelSize) && isWhole(levels[$0]) } ?? order.first
    }

    private func finestFirst(_ indices: [Int], of levels: [LevelPlace]) -> [Int] {
        func volume(_ index: Int) -> Double {
            let voxel = levels[index].voxelSize
            return voxel.z * voxel.y * voxel.x
        }
        return indices.sorted { (volume($0), $0) < (volume($1), $1) }
    }

    private func isNear(_ voxel: ZYX<Double>) -> Bool {
        voxel.zip(target) { $0 < 2 * (1 - tolerance) * $1 }.allSatisfy { $0 }
    }

    /// Whether no voxel is larger than half the target. Stored scales carry float noise.
    private func isHalf(_ voxel: ZYX<Double>) -> Bool {
        voxel.zip(target) { $0 <= 0.5 * $1 * (1 + 1e-6) }.allSatisfy { $0 }
    }

    /// Whether the first edge of a level lies on a voxel edge of another one, on every axis, within ``Placement/tolerance``.
    public static func fits(_ inner: LevelPlace, in outer: LevelPlace) -> Bool {
        (0..<3).allSatisfy { axis in
            let position = (inner.edge[axis] - outer.edge[axis]) / outer.voxelSize[axis]
            return abs(position - position.rounded()) <= Placement.tolerance
        }
    }

    /// Whether two voxel sizes are the same within a relative tolerance of 1e-3 on every axis: stored scales carry float
    /// noise (11.840000000000002), and 1e-3 is what the crops' own loaders use.
    public static func isEqual(_ a: ZYX<Double>, _ b: ZYX<Double>) -> Bool {
        a.zip(b) { abs($0 - $1) <= 1e-3 * max(abs($0), abs($1)) }.allSatisfy { $0 }
    }
}
