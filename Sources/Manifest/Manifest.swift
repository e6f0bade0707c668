internal import Elements
public import Geometry

/// What a run is asked for: the checked content of `config.json`, defaults filled in, paths absolute.
public struct Manifest: Sendable, Equatable {
    /// A name for logs and summaries, safe as a path component.
    public var job: String
    /// The URL of the store, as given; a plain path has become a `file:///` URL, percent-encoded.
    public var source: String
    /// Another S3 server than Amazon's, `http(s)://host[:port][/path]`, spoken to path-style.
    public var endpoint: String?
    /// Whether requests go unsigned; otherwise the `AWS_*` variables hold the credentials.
    public var anonymous: Bool
    /// Names of datasets, or shell patterns for them (``Glob``).
    public var datasets: [String]
    /// Patterns of the items to work on, such as `crop_124`; none stands for all.
    public var only: [String]
    public var select: Selection
    public var mode: Mode
    /// Boxes of one's own, beside the ground-truth crops.
    public var regions: [Region]
    /// The grids of arrays whose metadata do not say where they lie.
    public var grids: [ArrayGrid]
    /// Names of label classes, or `["*"]` for all.
    public var classes: [String]
    /// Whether the manifest itself names the classes: the default asks for `mito` without knowing what there is.
    public var namesClasses: Origin
    /// How to make a class where it is missing, by its name.
    public var derive: [String: DeriveRule]
    /// The voxel size that resize aims at, in nm.
    public var targetNm: ZYX<Double>
    /// How much finer than `targetNm` a level may be before a coarser one is taken, 0 ..< 1.
    public var tolerance: Double
    public var levels: LevelRule
    /// Raw data around the labels on every side, in nm.
    public var paddingNm: Double
    /// To-download lists of earlier runs by dataset, as absolute paths.
    public var lists: [String: String]
    /// The folder of the results, as an absolute path.
    public var output: String
    /// The folder of plans, packs, records and claims, as an absolute path.
    public var state: String
    public var convert: Convert
    public var resize: Resize
    /// Which side of a training each crop is on; nil where there is no split.
    public var split: Split?
    public var limits: Limits
}

extension Manifest {
    /// Whether a value was given. Two manifests that ask for the same are equal, whoever said it.
    public struct Origin: Sendable, Equatable {
        public let isGiven: Bool

        public static func == (left: Origin, right: Origin) -> Bool { true }
    }

    /// Which datasets count, by what they have.
    public enum Selection: String, Sendable, CaseIterable {
        /// Those with ground truth.
        case groundtruth
        /// Also those that only have inference.
        case inference
        /// Every one that is named.
        case all
    }

    /// What one output file holds.
    public enum Mode: String, Sendable, CaseIterable {
        /// A ground-truth crop with its raw data.
        case crops
        /// A whole raw volume with its labels.
        case volumes
    }

    /// Which level of a pyramid is taken.
    public enum LevelRule: String, Sendable, CaseIterable {
        /// The coarsest pair of raw data and labels that is fine enough for the target voxel size, and whose edges meet.
        case target
        /// The coarsest pair that is fine enough, whether its edges meet or not.
        case coarsest
        /// The finest pair.
        case finest

        public var preference: LevelChoice.Preference {
            switch self {
            case .target: .target
            case .coarsest: .coarsest
            case .finest: .finest
            }
        }
    }
}

extension Manifest {
    /// The path of a dataset's to-download list, where the manifest names one.
    public func list(of dataset: String) -> String? { lists.first { $0.key.hasSameBytes(as: dataset) }?.value }
}
