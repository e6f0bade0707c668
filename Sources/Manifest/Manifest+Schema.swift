public import JSONText

extension Manifest {
    /// The manifest's JSON Schema (2020-12): every key with its meaning, default and bounds.
    ///
    /// It says what one value may be. What values say together (folders apart from each other, a class not derived from
    /// itself) only the parser knows.
    public static var schema: JSONValue {
        var schema = object(
            ManifestKey.self, "What a run of cristae is asked for. Paths are relative to the manifest's folder.",
            topLevel, required: ["datasets", "source"])
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        schema["title"] = "cristae manifest"
        return .object(schema)
    }

    private typealias Members = [String: JSONValue]

    private static func topLevel(_ key: ManifestKey) -> Members {
        switch key {
        case .job: return named("A name for logs and summaries.").with("default", "cristae")
        case .source:
            return text(
                "The store: s3://bucket/prefix, https://host/path, file:///path, sample: (built in), or a path.", 2048)
        case .endpoint:
            return described("Another S3 server, spoken to path-style; null for Amazon's.")
                .with("type", ["string", "null"]).with("pattern", "^https?://[^/?#@]+(/[^?#]*)?$").with("default", nil)
        case .anonymous:
            return flag("Whether requests go unsigned; otherwise the AWS_* variables hold the credentials.", true)
        case .datasets:
            return list("Names of datasets, or shell patterns for them; [\"*\"] is every one.", of: pattern, atLeast: 1)
        case .only:
            return list(
                "Names of items, or shell patterns for them, such as crop_124, or dataset/item; [] is every one.",
                of: itemPattern
            )
            .with("default", [])
        case .select:
            return choice(
                "Which datasets count: those with ground truth, also those with inference only, or all that are named.",
                Selection.self, .groundtruth)
        case .mode:
            return choice(
                "An HDF5 file per ground-truth crop, or per dataset with the whole volume.", Mode.self, .crops)
        case .regions:
            return list("Boxes of one's own, beside the crops.", of: region).with("default", [])
        case .grids:
            return list("Grids of arrays whose metadata do not say where they lie.", of: arrayGrid)
                .with("default", [])
        case .classes:
            return list("Names of label classes; [\"*\"] is every one.", of: name, atLeast: 1)
                .with("default", ["mito"])
        case .derive:
            return described(
                "How a class is made where it is missing, by its name; {} turns it off, and is the default of volumes, "
                    + "where instances must be false."
            )
            .with("type", "object").with("propertyNames", .object(name))
            .with("additionalProperties", .object(deriveRule))
            .with("default", ["mito": DeriveRule.mitochondria.json])
        case .targetNm: return targetNm
        case .tolerance:
            return described("How much finer than the target a level may be before a coarser one is taken.")
                .with("type", "number").with("minimum", 0).with("exclusiveMaximum", 1).with("default", 0.4)
        case .levels:
            return choice(
                "The coarsest pair of raw data and labels that is fine enough for the target and whose edges meet (target); "
                    + "the coarsest, whether they meet or not; or the finest.",
                LevelRule.self, .target)
        case .paddingNm:
            return described("Raw data around the labels of crops and regions on every side, in nm.")
                .with("type", "number").with("minimum", 0).with("maximum", .exact(ManifestParser.paddingLimitNm))
                .with("default", 0)
        case .lists:
            return described("To-download lists of earlier runs, by dataset; they replace the search.")
                .with("type", "object").with("propertyNames", .object(name))
                .with("additionalProperties", .object(text("The path of a list that exists.", 4095)))
                .with("default", [:])
        case .output: return text("The folder of the results.", 4095).with("default", "out")
        case .state:
            return text("The folder of plans, packs, records and claims; apart from output.", 4095)
                .with("default", "state")
        case .convert:
            return object(ConvertKey.self, "How the files at native resolution are written.", convert)
                .with("default", Convert().json)
        case .resize:
            return object(ResizeKey.self, "How items are brought to the target voxel size.", resize)
                .with("default", Resize().json)
        case .split:
            return object(
                SplitKey.self, "Which side of a training each crop is on; without it there is no split.", split)
        case .limits:
            return object(LimitsKey.self, "What a run may use.", limits).with("default", Limits().json)
        }
    }

    // MARK: Sections

    private static func convert(_ key: ConvertKey) -> Members {
        switch key {
        case .compression:
            choice(
                "The codec of chunks in HDF5; source keeps the source's own codec and chunk shape.",
                Convert.Compression.self, Convert().compression)
        case .keepNative:
            flag(
                "Whether hdf5/<item>.h5 stays after crops/<item>.h5 is there; where it does not, a later change of target_nm "
                    + "fetches again.",
                Convert().keepNative)
        case .keepPacks: flag("Whether packs stay after their HDF5 file is there.", Convert().keepPacks)
        }
    }

    private static func resize(_ key: ResizeKey) -> Members {
        let standard = Resize()
        return switch key {
        case .raw: choice("Raw data: the mean over the exact overlap of voxels.", Resize.RawRule.self, standard.raw)
        case .labels:
            choice("Labels: the value with the largest overlap volume.", Resize.LabelRule.self, standard.labels)
        case .grid:
            choice(
                "Voxels of exactly the target size, or factors of 2 that come near it.", Resize.GridRule.self,
                standard.grid)
        case .maxUpsampling:
            described(
                "The largest ratio of source to target voxel on an axis; an item that would need more is left out."
            )
            .with("type", "number").with("minimum", .exact(ManifestParser.upsampling.lowerBound))
            .with("maximum", .exact(ManifestParser.upsampling.upperBound))
            .with("default", .exact(standard.maxUpsampling))
        }
    }

    private static func split(_ key: SplitKey) -> Members {
        let standard = Split()
        func share(_ text: String, _ value: Double) -> Members {
            described(text).with("type", "number").with("minimum", 0).with("maximum", 1).with("default", .exact(value))
        }
        return switch key {
        case .validation: share("The share of groups for validation.", standard.validation)
        case .test: share("The share of groups for the test.", standard.test)
        case .seed:
            integer("Another seed is another split.", ManifestParser.seeds).with("default", .integer(standard.seed))
        case .by:
            choice(
                "What is on one side as a whole: crops that are connected by overlaps, or all crops of a dataset.",
                Split.Unit.self, standard.by)
        }
    }

    private static func limits(_ key: LimitsKey) -> Members {
        let standard = Limits()
        return switch key {
        case .connections:
            integer("Requests at a time.", ManifestParser.connections).with("default", .integer(standard.connections))
        case .memory:
            described("Memory for data in flight: bytes, or a text such as \"1GiB\".")
                .with("anyOf", [.object(integer(nil, ManifestParser.memory)), .object(byteText(rate: false))])
                .with("default", ByteCount.json(standard.memory))
        case .bandwidth:
            described("Bytes per second taken from the network, or a text such as \"100MB/s\"; null is no limit.")
                .with(
                    "anyOf",
                    [.object(integer(nil, ManifestParser.bandwidth)), .object(byteText(rate: true)), ["type": "null"]]
                )
                .with("default", nil)
        case .maxAttempts:
            integer("Tries of a request.", ManifestParser.attempts).with("default", .integer(standard.maxAttempts))
        case .outage:
            described("How long the store may be out of reach: seconds, or a text such as \"10m\" or \"1h30m\".")
                .with(
                    "anyOf",
                    [
                        ["type": "number", "minimum": 0, "maximum": .exact(ManifestParser.outageSeconds.upperBound)],
                        ["type": "string", "pattern": "^[0-9.:-]+$|^([0-9.]+d)?([0-9.]+h)?([0-9.]+m)?([0-9.]+s)?$"],
                    ]
                )
                .with("default", DurationText.json(standard.outageSeconds))
        case .claimSeconds:
            integer(
                "Seconds after which a claim that is not renewed may be taken over.", ManifestParser.claimSeconds
            ).with("default", .integer(standard.claimSeconds))
        }
    }

    private static var region: Members {
        object(
            RegionKey.self, "A box in a dataset.",
            { key in
                let limit = JSONValue.exact(ManifestParser.regionLimitNm)
                let number: Members = ["type": "number", "maximum": limit]
                return switch key {
                case .dataset: named("The name of the dataset; datasets must name it too.")
                case .offsetNm:
                    triple(
                        "The first edge of the box, [z, y, x] in nm.",
                        of: number.with("minimum", .exact(-ManifestParser.regionLimitNm)))
                case .shapeNm:
                    triple("The lengths of the box, [z, y, x] in nm.", of: number.with("exclusiveMinimum", 0))
                }
            }, required: RegionKey.allCases.map(\.rawValue))
    }

    private static var arrayGrid: Members {
        object(
            ArrayGridKey.self, "The grid of an array.",
            { key in
                let limit = ManifestParser.regionLimitNm
                return switch key {
                case .axes:
                    choice(
                        "The order in which the array's axes are stored; xyz is the other way round.",
                        ArrayGrid.Axes.self, .zyx)
                case .dataset: named("The name of the dataset; datasets must name it too.")
                case .path:
                    text("The array's path below the dataset's container, such as volumes/raw.", 1024)
                        .with("pattern", "^[^/]+(/[^/]+)*$")
                case .labelClass: named("The class of its labels; without it the array is raw data.")
                case .voxelSizeNm: voxelSize("nm per voxel: a number, or [z, y, x].")
                case .translationNm:
                    triple(
                        "The centre of the first voxel, [z, y, x] in nm.",
                        of: ["type": "number", "minimum": .exact(-limit), "maximum": .exact(limit)])
                }
            }, required: ["dataset", "path", "translation_nm", "voxel_size_nm"])
    }

    private static var deriveRule: Members {
        object(
            DeriveKey.self, "How a class is made from another one.",
            { key in
                switch key {
                case .from: named("The class whose values are looked at; another than the one that is made.")
                case .ids:
                    list("The values that count as this class.", of: integer(nil, 0...Int.max), atLeast: 1)
                case .instances:
                    flag("Whether connected components get ids of their own; otherwise the result is 0 and 1.", false)
                }
            }, required: ["from", "ids"])
    }

    private static var targetNm: Members {
        voxelSize("The voxel size that resize aims at, in nm: a number, or [z, y, x].").with("default", 8)
    }

    private static func voxelSize(_ meaning: String) -> Members {
        let length: Members = [
            "type": "number", "minimum": .exact(ManifestValue.voxelSizesNm.lowerBound),
            "maximum": .exact(ManifestValue.voxelSizesNm.upperBound),
        ]
        return described(meaning).with("anyOf", [.object(length), .object(triple(nil, of: length))])
    }

    // MARK: Kinds of values

    private static let name: Members = [
        "type": "string", "minLength": 1, "maxLength": .integer(ManifestName.maximumLength), "pattern": "^[^/]+$",
    ]
    private static var pattern: Members { name }
    private static var itemPattern: Members {
        name.with("maxLength", .integer(2 * ManifestName.maximumPatternLength + 1)).with("pattern", "^[^/]+(/[^/]+)?$")
    }

    private static func described(_ text: String?) -> Members { text.map { ["description": .string($0)] } ?? [:] }

    private static func named(_ meaning: String) -> Members { name.with("description", .string(meaning)) }

    private static func text(_ meaning: String, _ maximum: Int) -> Members {
        described(meaning).with("type", "string").with("minLength", 1).with("maxLength", .integer(maximum))
    }

    private static func flag(_ meaning: String, _ standard: Bool) -> Members {
        described(meaning).with("type", "boolean").with("default", .bool(standard))
    }

    private static func integer(_ meaning: String?, _ range: ClosedRange<Int>) -> Members {
        described(meaning).with("type", "integer").with("minimum", .integer(range.lowerBound))
            .with("maximum", .integer(range.upperBound))
    }

    private static func byteText(rate: Bool) -> Members {
        [
            "type": "string",
            "pattern": .string("^[0-9]+(\\.[0-9]+)? ?([kKMGT]?B|[KMGT]iB)\(rate ? "(/s)?" : "")$"),
        ]
    }

    private static func choice<T: RawRepresentable<String> & CaseIterable>(
        _ meaning: String, _ type: T.Type, _ standard: T
    ) -> Members {
        described(meaning).with("type", "string").with("enum", .array(T.allCases.map { .string($0.rawValue) }))
            .with("default", .string(standard.rawValue))
    }

    private static func list(_ meaning: String, of element: Members, atLeast count: Int = 0) -> Members {
        described(meaning).with("type", "array").with("items", .object(element)).with("minItems", .integer(count))
            .with("uniqueItems", true)
    }

    private static func triple(_ meaning: String?, of element: Members) -> Members {
        described(meaning).with("type", "array").with("items", .object(element)).with("minItems", 3)
            .with("maxItems", 3)
    }

    private static func object<Key: ManifestKeys>(
        _ keys: Key.Type, _ meaning: String, _ property: (Key) -> Members, required: [String] = []
    ) -> Members {
        let properties = Key.allCases.map { ($0.rawValue, JSONValue.object(property($0))) }
        return described(meaning).with("type", "object")
            .with("properties", .object(Dictionary(uniqueKeysWithValues: properties)))
            .with("required", .array(required.map { .string($0) })).with("additionalProperties", false)
    }
}

extension [String: JSONValue] {
    /// The same with one member more.
    fileprivate func with(_ key: String, _ value: JSONValue) -> Self {
        merging([key: value]) { _, new in new }
    }
}
