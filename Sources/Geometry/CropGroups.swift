/// The place of a ground-truth crop, whether it is made or left out.
public struct CropPlace: Sendable, Hashable, Codable {
    public var name: String
    public var cropID: Int
    /// Key of the alignment. Each alignment has its own frame.
    public var alignment: String
    /// First edge; nm, z, y, x.
    public var edge: ZYX<Double>
    /// nm, z, y, x.
    public var extent: ZYX<Double>
    /// The finest labels' voxels; nm, z, y, x.
    public var voxelSize: ZYX<Double>

    public init(
        name: String, cropID: Int, alignment: String, edge: ZYX<Double>, extent: ZYX<Double>, voxelSize: ZYX<Double>
    ) {
        self.name = name
        self.cropID = cropID
        self.alignment = alignment
        self.edge = edge
        self.extent = extent
        self.voxelSize = voxelSize
    }

    fileprivate var volume: Double { extent.z * extent.y * extent.x }

    /// Lengths below this are float noise: ``Placement``'s tolerance as a length.
    fileprivate func noise(_ axis: Int) -> Double { Placement.tolerance * voxelSize[axis] }
}

/// Which crops of a dataset overlap. 54 of the 305 public crops do, some across the sides of the published split.
///
/// A training set must not share voxels with its validation set. So crops that are connected by overlaps form a group, and a group lies on
/// one side.
public struct CropGroups: Sendable {
    /// What one crop shares with others.
    public struct Relations: Sendable, Equatable {
        /// The smallest id of the crops that are connected to it.
        public var group: Int
        /// The crops that it shares voxels with, by id, and the shared fraction of this crop.
        public var overlaps: [(cropID: Int, fraction: Double)]
        /// The smallest id of the crops with the same box; nil for that crop itself.
        public var duplicateOf: Int?

        public init(group: Int, overlaps: [(cropID: Int, fraction: Double)], duplicateOf: Int?) {
            self.group = group
            self.overlaps = overlaps
            self.duplicateOf = duplicateOf
        }

        public static func == (a: Relations, b: Relations) -> Bool {
            a.group == b.group && a.duplicateOf == b.duplicateOf
                && a.overlaps.elementsEqual(b.overlaps) { $0.cropID == $1.cropID && $0.fraction == $1.fraction }
        }
    }

    /// A crop's name alone is no key, because several alignments of a dataset may have the same name.
    private struct Key: Hashable {
        let alignment: String
        let name: String
    }

    private var relations: [Key: Relations] = [:]

    /// - Parameter crops: all planned crops of one dataset.
    public init(_ crops: [CropPlace]) {
        let crops = crops.sorted { ($0.cropID, $0.name, $0.alignment) < ($1.cropID, $1.name, $1.alignment) }
        var roots = Array(crops.indices)
        func root(_ index: Int) -> Int {
            var index = index
            while roots[index] != index {
                roots[index] = roots[roots[index]]
                index = roots[index]
            }
            return index
        }
        var overlaps = [[(cropID: Int, fraction: Double)]](repeating: [], count: crops.count)
        var duplicates = [Int?](repeating: nil, count: crops.count)
        // Crops in the order of their first edges in z, so that each is compared only with those that begin before it ends.
        let order = crops.indices.sorted { crops[$0].edge.z < crops[$1].edge.z }
        for (position, a) in order.enumerated() {
            for b in order[(position + 1)...] {
                guard crops[b].edge.z < crops[a].edge.z + crops[a].extent.z else { break }
                guard let shared = Self.sharedVolume(crops[a], crops[b]) else { continue }
                overlaps[a].append((crops[b].cropID, min(1, shared / crops[a].volume)))
                overlaps[b].append((crops[a].cropID, min(1, shared / crops[b].volume)))
                let (low, high) = (min(root(a), root(b)), max(root(a), root(b)))
                roots[high] = low
                if Self.isSameBox(crops[a], crops[b]) {
                    let (first, second) = (min(a, b), max(a, b))
                    duplicates[second] = min(duplicates[second] ?? crops[first].cropID, crops[first].cropID)
                }
            }
        }
        for index in crops.indices {
            relations[Key(alignment: crops[index].alignment, name: crops[index].name)] = Relations(
                group: crops[root(index)].cropID, overlaps: overlaps[index].sorted { $0.cropID < $1.cropID },
                duplicateOf: duplicates[index])
        }
    }

    public subscript(name: String, alignment alignment: String) -> Relations? {
        relations[Key(alignment: alignment, name: name)]
    }

    /// The shared volume in nm³; nil where it is only float noise.
    private static func sharedVolume(_ a: CropPlace, _ b: CropPlace) -> Double? {
        guard a.alignment == b.alignment else { return nil }
        var volume = 1.0
        for axis in 0..<3 {
            let low = max(a.edge[axis], b.edge[axis])
            let high = min(a.edge[axis] + a.extent[axis], b.edge[axis] + b.extent[axis])
            guard high - low > min(a.noise(axis), b.noise(axis)) else { return nil }
            volume *= high - low
        }
        return volume
    }

    private static func isSameBox(_ a: CropPlace, _ b: CropPlace) -> Bool {
        (0..<3).allSatisfy { axis in
            let noise = min(a.noise(axis), b.noise(axis))
            return abs(a.edge[axis] - b.edge[axis]) <= noise
                && abs(a.edge[axis] + a.extent[axis] - b.edge[axis] - b.extent[axis]) <= noise
        }
    }
}
