internal import Elements
public import Geometry

/// What a run is asked for: the checked content of `config.json`, defaults filled in, paths absolute.
///
/// The values here are the defaults; `Manifest+Keys.swift` says which key stands for which property.
public struct Manifest: Sendable, Equatable {
    /// A name for logs and summaries, safe as a path component.
    public var job = "cristae"
    /// The URL of the store, as given; a plain path has become a `file:///` URL, percent-encoded.
    public var source = ""
    /// Another S3 server than Amazon's, `http(s)://host[:port][/path]`, spoken to path-style.
    public var endpoint: String?
    /// Whether requests go unsigned; otherwise the `AWS_*` variables hold the credentials.
    public var anonymous = true
    /// Names of datasets, or shell patterns for them (``Glob``).
    public var datasets: [String] = []
    /// Patterns of the items to work on, such as `crop_124`; none stands for all.
    public var only: [String] = []
    public var select = Selection.groundtruth
    public var mode = Mode.crops
    /// Boxes of one's own, beside the ground-truth crops.
    public var regions: [Region] = []
    /// The grids of arrays whose metadata do not say where they lie.
    public var grids: [ArrayGrid] = []
    /// Names of label classes, or `["*"]` for all.
    public var classes = ["mito"]
    /// Whether the manifest itself names the classes: the default asks for `mito` without knowing what there is.
    public var namesClasses = Origin(isGiven: false)
    /// How to make a class where it is missing, by its name.
    public var derive = ["mito": DeriveRule.mitochondria]
    /// The voxel size that resize aims at, in nm.
    public var targetNm = ZYX<Double>(repeating: 8)
    /// How much finer than `targetNm` a level may be before a coarser one is taken, 0 ..< 1.
    public var tolerance = 0.4
    public var levels = LevelRule.target
    /// Raw data around the labels on every side, in nm.
    public var paddingNm = 0.0
    /// To-download lists of earlier runs by dataset, as absolute paths.
    public var lists: [String: String] = [:]
    /// The folder of the results, as an absolute path.
    public var output = "out"
    /// The folder of plans, packs, records and claims, as an absolute path.
    public var state = "state"
    public var convert = Convert()
    public var resize = Resize()
    /// Which side of a training each crop is on; nil where there is no split.
    public var split: Split?
    public var limits = Limits()
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

    /// A box of one's own in a dataset, in nm.
    public struct Region: Sendable, Hashable {
        /// The name of the dataset; `datasets` names it too.
        public var dataset = ""
        /// The first edge of the box in the dataset's own frame, in nm.
        public var offsetNm = ZYX<Double>(repeating: 0)
        /// The lengths of the box, in nm, all positive.
        public var shapeNm = ZYX<Double>(repeating: 0)
    }

    /// The grid of an array whose metadata do not say where it lies.
    public struct ArrayGrid: Sendable, Hashable {
        /// The name of the dataset; `datasets` names it too.
        public var dataset = ""
        /// The array's path below the dataset's container, such as `volumes/raw`.
        public var path = ""
        /// The class of its labels; nil for raw data.
        public var labelClass: String?
        public var axes = Axes.zyx
        /// nm per voxel.
        public var voxelSizeNm = ZYX<Double>(repeating: 0)
        /// The centre of the first voxel in the dataset's own frame, in nm.
        public var translationNm = ZYX<Double>(repeating: 0)

        /// The order of the axes of a stored array, the slowest first. N5's metadata count the other way round, and mean the same.
        public enum Axes: String, Sendable, CaseIterable {
            case zyx
            /// The other way round.
            case xyz
        }
    }

    /// How a class is made from the ids of another one where it is missing.
    public struct DeriveRule: Sendable, Hashable {
        /// The class whose values are looked at.
        public var from = ""
        /// The values of `from` that count as this class, none negative, each once.
        public var ids: [Int] = []
        /// Whether connected components get ids of their own (uint32); otherwise the result is 0 and 1 (uint8).
        public var instances = false

        /// `mito` from the `all` group: 3 membrane, 4 lumen, 5 ribosomes, 50 the group as a whole.
        public static let mitochondria = DeriveRule(from: "all", ids: [3, 4, 5, 50], instances: true)
    }

    /// How the files at native resolution are written.
    public struct Convert: Sendable, Hashable {
        /// The codec of chunks in HDF5.
        public enum Compression: String, Sendable, CaseIterable {
            /// Deflate: every HDF5 reader opens it.
            case gzip
            /// Filter 32015.
            case zstd
            /// Filter 32001.
            case blosc
            case none
            /// The codec and chunk shape that the source has.
            case source
        }

        public var compression = Compression.gzip
        /// Whether packs stay after their HDF5 file is there.
        public var keepPacks = false
        /// Whether `hdf5/<item>.h5` stays after `crops/<item>.h5` is there.
        public var keepNative = true
    }

    /// How items are brought to the target voxel size.
    public struct Resize: Sendable, Hashable {
        /// What becomes of raw intensities.
        public enum RawRule: String, Sendable, CaseIterable {
            /// The mean over the exact overlap of voxel boxes; linear upwards.
            case area
        }

        /// What becomes of labels.
        public enum LabelRule: String, Sendable, CaseIterable {
            /// The value with the largest overlap volume; nearest upwards.
            case majority
        }

        /// Where the output grid lies.
        public enum GridRule: String, Sendable, CaseIterable {
            /// Voxels of exactly the target size.
            case exact
            /// Factors of 2, so that the result is only near the target.
            case powerOfTwo = "power_of_two"
        }

        public var raw = RawRule.area
        public var labels = LabelRule.majority
        public var grid = GridRule.exact
        /// The largest ratio of source to target voxel on an axis, at least 1; beyond it the item is left out.
        public var maxUpsampling = 2.0
    }

    /// How crops are split into the sides of a training. Crops that overlap are never on two sides.
    public struct Split: Sendable, Hashable {
        /// What is on one side as a whole.
        public enum Unit: String, Sendable, CaseIterable {
            /// Crops that are connected by overlaps.
            case group
            /// All crops of a dataset.
            case dataset
        }

        /// The share of groups (or datasets) for validation, 0 to 1.
        public var validation = 0.2
        /// The share for the test; with ``validation`` at most 1.
        public var test = 0.0
        public var seed = 0
        public var by = Unit.group
    }

    /// What a run may use.
    public struct Limits: Sendable, Hashable {
        /// Requests at a time.
        public var connections = 64
        /// Bytes of memory for data in flight.
        public var memory = 1 << 30
        /// Bytes per second taken from the network; nil is no limit.
        public var bandwidth: Int?
        /// Tries of a request.
        public var maxAttempts = 10
        /// How long the store may give no answer at all, in seconds.
        public var outageSeconds = 600.0
        /// Seconds after which a claim that is not renewed may be taken over.
        public var claimSeconds = 300
    }

    /// What the command line and the environment say instead of the manifest. Paths are seen from the current directory.
    public struct Overrides: Sendable, Equatable {
        /// `--source`: a store URL or a path.
        public var source: String?
        /// `--output`: a folder.
        public var output: String?
        /// `--state`: a folder.
        public var state: String?
        /// `--endpoint`: another S3 server.
        public var endpoint: String?
        /// `--only`: patterns of items.
        public var only: [String]?
        /// `AWS_ENDPOINT_URL`: taken where neither the flag nor the manifest names an endpoint; empty is absent.
        public var environmentEndpoint: String?

        public init(
            source: String? = nil, output: String? = nil, state: String? = nil, endpoint: String? = nil,
            only: [String]? = nil, environmentEndpoint: String? = nil
        ) {
            self.source = source
            self.output = output
            self.state = state
            self.endpoint = endpoint
            self.only = only
            self.environmentEndpoint = environmentEndpoint
        }
    }

    /// The manifest's dataset names and globs as one question.
    public struct DatasetGlobs: Sendable {
        fileprivate let globs: [Glob]

        public func matches(_ name: String) -> Bool { globs.contains { $0.matches(name) } }
    }

    public var datasetGlobs: DatasetGlobs { DatasetGlobs(globs: datasets.compactMap { try? Glob($0) }) }

    /// The path of a dataset's to-download list, where the manifest names one.
    public func list(of dataset: String) -> String? { lists.first { $0.key.hasSameBytes(as: dataset) }?.value }
}
