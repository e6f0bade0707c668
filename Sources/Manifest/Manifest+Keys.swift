internal import Elements
internal import Geometry
public import JSONText

extension Manifest {
    /// Every key of the manifest. The parser, the schema, the written manifest and the README's table are made from these.
    ///
    /// Rules for several values together, such as folders that must be apart, are in ``ManifestParser``.
    static var keys: ManifestObject<Manifest> {
        ManifestObject(
            Manifest(),
            [
                ManifestKey(
                    "source", \.source, .source, missing: "a store URL or a path",
                    "The store: s3://bucket/prefix, https://host/path, file:///path, sample: (built in), or a path."),
                ManifestKey(
                    "endpoint", \.endpoint, ManifestValue.endpoint.orNull,
                    "Another S3 server, spoken to path-style; null for Amazon's."),
                ManifestKey(
                    "anonymous", \.anonymous, .boolean,
                    "Whether requests go unsigned; otherwise the AWS_* variables hold the credentials."),
                ManifestKey(
                    "datasets", \.datasets,
                    .list(
                        "an array of dataset names or shell patterns that is not empty", of: .pattern, atLeast: 1),
                    missing: "an array of dataset names or shell patterns",
                    "Names of datasets, or shell patterns for them; [\"*\"] is every one."),
                ManifestKey(
                    "only", \.only, .list("an array of item names or shell patterns", of: .itemPattern),
                    "Names of items, or shell patterns for them, such as crop_124, or dataset/item; [] is every one."),
                ManifestKey(
                    "select", \.select, .choice,
                    "Which datasets count: those with ground truth, also those with inference only, or all that are named."
                ),
                ManifestKey(
                    "mode", \.mode, .choice,
                    "An HDF5 file per ground-truth crop, or per dataset with the whole volume."),
                ManifestKey(
                    "regions", \.regions,
                    .list("an array of regions", of: .object(Region.keys, "A box in a dataset."), noun: "region"),
                    "Boxes of one's own, beside the crops."),
                ManifestKey(
                    "grids", \.grids,
                    .list(
                        "an array of grids", of: .object(ArrayGrid.keys, "The grid of an array."), noun: "array",
                        key: ("path", { AnyHashable([$0.dataset, $0.path]) })),
                    "Grids of arrays whose metadata do not say where they lie."),
                ManifestKey(
                    "classes", \.classes, .classes, "Names of label classes; [\"*\"] is every one."),
                ManifestKey(
                    "derive", \.derive, .derivedClasses,
                    "How a class is made where it is missing, by its name; {} turns it off, and is the default of volumes, "
                        + "where instances must be false."),
                ManifestKey(
                    "target_nm", \.targetNm, .voxelSize(writesOneNumber: true),
                    "The voxel size that resize aims at, in nm: a number, or [z, y, x]."),
                ManifestKey(
                    "tolerance", \.tolerance,
                    .number("a number of at least 0 and below 1", ["minimum": 0, "exclusiveMaximum": 1]),
                    "How much finer than the target a level may be before a coarser one is taken."),
                ManifestKey(
                    "levels", \.levels, .choice,
                    "The coarsest pair of raw data and labels that is fine enough for the target and whose edges meet (target); "
                        + "the coarsest, whether they meet or not; or the finest."),
                ManifestKey(
                    "padding_nm", \.paddingNm,
                    .number("a number from 0 to 1000000 in nm", ["minimum": 0, "maximum": 1_000_000]),
                    "Raw data around the labels of crops and regions on every side, in nm."),
                ManifestKey(
                    "lists", \.lists,
                    .map(
                        "an object of dataset names and paths", name: .name("a dataset name"), of: .downloadList),
                    "To-download lists of earlier runs, by dataset; they replace the search."),
                ManifestKey("job", \.job, .name("a job name"), "A name for logs and summaries."),
                ManifestKey("output", \.output, .path("the path of a folder"), "The folder of the results."),
                ManifestKey(
                    "state", \.state, .path("the path of a folder"),
                    "The folder of plans, packs, records and claims; apart from output."),
                ManifestKey(
                    "convert", \.convert, .object(Convert.keys), "How the files at native resolution are written."),
                ManifestKey(
                    "resize", \.resize, .object(Resize.keys), "How items are brought to the target voxel size."),
                ManifestKey(
                    "split", \.split, ManifestValue.object(Split.keys).checked(checkShares).orAbsent,
                    "Which side of a training each crop is on; without it there is no split."),
                ManifestKey("limits", \.limits, .object(Limits.keys), "What a run may use."),
            ])
    }

    private static func checkShares(_ split: Split, _ path: JSONPath, _ reading: ManifestReading) {
        guard split.validation + split.test > 1 else { return }
        reading.add(
            ManifestError(
                path: path, found: "\(split.validation) and \(split.test)",
                expected: "\"validation\" and \"test\" that are at most 1 together"))
    }
}

extension Manifest {
    /// The manifest's JSON Schema (2020-12): every key with its meaning, default and bounds.
    public static var schema: JSONValue {
        let head: [String: JSONValue] = [
            "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "cristae manifest",
            "description": "What a run of cristae is asked for. Paths are relative to the manifest's folder.",
        ]
        return .object(keys.schema.merging(head) { $1 })
    }

    /// A complete manifest, every key spelled out, which loads from a file in `folder` to a value equal to this one.
    ///
    /// Paths are relative to `folder` where they have more than the root in common with it.
    public func json(relativeTo folder: String) -> JSONValue {
        Manifest.keys.json(self, relativeTo: AbsolutePath(folder))
    }

    /// The key that stands for a property.
    public static func key(of property: PartialKeyPath<Manifest>) -> String { keys.key(property).name }
}

extension ManifestKey {
    fileprivate static func dataset(_ property: WritableKeyPath<Owner, String>) -> ManifestKey {
        ManifestKey(
            "dataset", property, .name("a dataset name"), missing: "a dataset name",
            "The name of the dataset; datasets must name it too.")
    }
}

extension Manifest.Region {
    static var keys: ManifestObject<Self> {
        let offset = "three numbers [z, y, x] in nm, each from -1000000000 to 1000000000"
        let shape = "three positive numbers [z, y, x] in nm, each up to 1000000000"
        return ManifestObject(
            Self(),
            [
                .dataset(\.dataset),
                ManifestKey(
                    "offset_nm", \.offsetNm,
                    .triple(offset, ["minimum": -1_000_000_000, "maximum": 1_000_000_000]), missing: offset,
                    "The first edge of the box, [z, y, x] in nm."),
                ManifestKey(
                    "shape_nm", \.shapeNm, .triple(shape, ["exclusiveMinimum": 0, "maximum": 1_000_000_000]),
                    missing: shape, "The lengths of the box, [z, y, x] in nm."),
            ])
    }
}

extension Manifest.ArrayGrid {
    static var keys: ManifestObject<Self> {
        let translation = "three numbers [z, y, x] in nm, each from -1000000000 to 1000000000"
        return ManifestObject(
            Self(),
            [
                .dataset(\.dataset),
                ManifestKey(
                    "path", \.path, .arrayPath, missing: "the path of an array",
                    "The array's path below the dataset's container, such as volumes/raw."),
                ManifestKey(
                    "class", \.labelClass, ManifestValue.name("a class name").orAbsent,
                    "The class of its labels; without it the array is raw data."),
                ManifestKey(
                    "axes", \.axes, .choice,
                    "The order in which the array's axes are stored; xyz is the other way round."),
                ManifestKey(
                    "voxel_size_nm", \.voxelSizeNm, .voxelSize(writesOneNumber: false),
                    missing: "a voxel size in nm", "nm per voxel: a number, or [z, y, x]."),
                ManifestKey(
                    "translation_nm", \.translationNm,
                    .triple(translation, ["minimum": -1_000_000_000, "maximum": 1_000_000_000]),
                    missing: translation, "The centre of the first voxel, [z, y, x] in nm."),
            ])
    }
}

extension Manifest.DeriveRule {
    static var keys: ManifestObject<Self> {
        ManifestObject(
            Self(),
            [
                ManifestKey(
                    "from", \.from, .name("a class name"), missing: "a class name",
                    "The class whose values are looked at; another than the one that is made."),
                ManifestKey(
                    "ids", \.ids,
                    .list("an array of ids that is not empty", of: .integer(in: 0...Int.max), atLeast: 1),
                    missing: "an array of ids", "The values that count as this class."),
                ManifestKey(
                    "instances", \.instances, .boolean,
                    "Whether connected components get ids of their own; otherwise the result is 0 and 1."),
            ])
    }
}

extension Manifest.Convert {
    static var keys: ManifestObject<Self> {
        ManifestObject(
            Self(),
            [
                ManifestKey(
                    "compression", \.compression, .choice,
                    "The codec of chunks in HDF5; source keeps the source's own codec and chunk shape."),
                ManifestKey(
                    "keep_native", \.keepNative, .boolean,
                    "Whether hdf5/<item>.h5 stays after crops/<item>.h5 is there; where it does not, a later change of target_nm "
                        + "fetches again."),
                ManifestKey(
                    "keep_packs", \.keepPacks, .boolean, "Whether packs stay after their HDF5 file is there."),
            ])
    }
}

extension Manifest.Resize {
    static var keys: ManifestObject<Self> {
        ManifestObject(
            Self(),
            [
                ManifestKey("raw", \.raw, .choice, "Raw data: the mean over the exact overlap of voxels."),
                ManifestKey("labels", \.labels, .choice, "Labels: the value with the largest overlap volume."),
                ManifestKey(
                    "grid", \.grid, .choice,
                    "Voxels of exactly the target size, or factors of 2 that come near it."),
                ManifestKey(
                    "max_upsampling", \.maxUpsampling,
                    .number("a number from 1 to 1000", ["minimum": 1, "maximum": 1000]),
                    "The largest ratio of source to target voxel on an axis; an item that would need more is left out."),
            ])
    }
}

extension Manifest.Split {
    static var keys: ManifestObject<Self> {
        let share = ManifestValue<Double>.number("a number from 0 to 1", ["minimum": 0, "maximum": 1])
        return ManifestObject(
            Self(),
            [
                ManifestKey("validation", \.validation, share, "The share of groups for validation."),
                ManifestKey("test", \.test, share, "The share of groups for the test."),
                ManifestKey("seed", \.seed, .integer(in: 0...(1 << 53)), "Another seed is another split."),
                ManifestKey(
                    "by", \.by, .choice,
                    "What is on one side as a whole: crops that are connected by overlaps, or all crops of a dataset."),
            ])
    }
}

extension Manifest.Limits {
    static var keys: ManifestObject<Self> {
        ManifestObject(
            Self(),
            [
                ManifestKey("connections", \.connections, .integer(in: 1...1024), "Requests at a time."),
                ManifestKey(
                    "memory", \.memory,
                    .bytes(
                        "at least 128 MiB, as bytes or a text such as \"1GiB\"", in: (128 << 20)...(1 << 50)),
                    "Memory for data in flight: bytes, or a text such as \"1GiB\"."),
                ManifestKey(
                    "bandwidth", \.bandwidth,
                    ManifestValue.bytes(
                        "bytes per second, as a positive number or a text such as \"100MB/s\", or null for no limit",
                        in: 1...(1 << 50), perSecond: true
                    ).orNull,
                    "Bytes per second taken from the network, or a text such as \"100MB/s\"; null is no limit."),
                ManifestKey("max_attempts", \.maxAttempts, .integer(in: 1...100), "Tries of a request."),
                ManifestKey(
                    "outage", \.outageSeconds,
                    .seconds(
                        "a length of time from 0 s to 24 h: seconds, or a text such as \"10m\" or \"1h30m\"",
                        atMost: 86400),
                    "How long the store may be out of reach: seconds, or a text such as \"10m\" or \"1h30m\"."),
                ManifestKey(
                    "claim_seconds", \.claimSeconds, .integer(in: 2...86400),
                    "Seconds after which a claim that is not renewed may be taken over."),
            ])
    }
}
