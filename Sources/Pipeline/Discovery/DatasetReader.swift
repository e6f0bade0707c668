internal import Geometry
internal import JSONText
internal import Stores
internal import Volumes

/// One alignment of a dataset (`recon-1`, `recon-2`, …) with what lies below it.
struct Reconstruction: Sendable {
    /// Key of the folder, below the store.
    let key: String
    /// Names of the EM images, the one to prefer first.
    let images: [String]
    /// Names of the ground-truth crop groups.
    let crops: [String]
    let hasInference: Bool
}

/// A multiscale image: where it is, and what its levels are.
struct MultiscaleImage: Sendable {
    let key: String
    let multiscale: Multiscale
    /// The group's `.zattrs` as the store gave it.
    let attributes: String
}

/// Finds out what a dataset holds, by listing: neither `recon-1` nor `fibsem-uint8` is taken for granted.
struct DatasetReader: Sendable {
    let dataset: String
    let cache: AnswerCache
    /// Whether only what a to-download list names may be used.
    let isListed: Bool

    /// The alignments of the dataset's Zarr container, in the order of their names.
    ///
    /// - Throws: ``Failure`` where there is no such dataset.
    func reconstructions() async throws -> [Reconstruction] {
        let top = try await cache.list(dataset)
        guard let container = Self.container(of: dataset, in: top) else {
            let found = (top.prefixes + top.objects.map(\.name)).prefix(5).joined(separator: ", ")
            throw Failure(
                item: nil, dataset: dataset, stage: "discover",
                reason: found.isEmpty
                    ? "there is nothing at \(url(dataset))"
                    : "no Zarr container \(dataset).zarr at \(url(dataset)); found \(found)")
        }
        let root = "\(dataset)/\(container)"
        var folders = try await cache.list(root).prefixes
            .filter { $0.hasPrefix("recon") }
            .map { "\(root)/\($0)" }
        // Containers from before there were alignments have `em` and `labels` at the top.
        if folders.isEmpty { folders = [root] }
        return try await concurrentMap(folders) { try await reconstruction($0) }
    }

    /// Whether `name` is a dataset: a folder with a container in it.
    static func container(of dataset: String, in listing: Listing) -> String? {
        let containers = listing.prefixes.filter { $0.hasSuffix(".zarr") }
        return containers.contains("\(dataset).zarr") ? "\(dataset).zarr" : containers.first
    }

    private func reconstruction(_ key: String) async throws -> Reconstruction {
        async let images = cache.list("\(key)/em")
        async let crops = cache.list("\(key)/labels/groundtruth")
        async let inference = cache.list("\(key)/labels/inference/segmentations")
        return Reconstruction(
            key: key, images: try await images.prefixes.sorted { Self.rank($0) < Self.rank($1) },
            crops: try await crops.prefixes.filter { Self.cropID($0) != nil }
                .sorted { (Self.cropID($0) ?? 0, $0) < (Self.cropID($1) ?? 0, $1) },
            hasInference: try await !inference.prefixes.isEmpty)
    }

    /// `fibsem-uint8` first, then the other FIB-SEM images, then the rest.
    private static func rank(_ image: String) -> (Int, String) {
        (image == "fibsem-uint8" ? 0 : image.hasPrefix("fibsem") ? 1 : 2, image)
    }

    /// The number of a crop group: `crop124` is 124; nil for other names.
    static func cropID(_ name: String) -> Int? {
        guard name.hasPrefix("crop") else { return nil }
        let digits = name.dropFirst(4).drop { $0 == "_" || $0 == "-" }
        guard !digits.isEmpty, digits.count < 18, digits.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        return Int(digits)
    }

    /// The multiscale image at `key`; with a to-download list only the levels that it names.
    ///
    /// - Throws: ``VolumeError`` where the metadata is missing or makes no sense.
    func image(_ key: String) async throws -> MultiscaleImage {
        let path = "\(key)/.zattrs"
        guard let text = try await cache.text(path) else {
            throw VolumeError(.badMetadata, path: url(path), "there is no such object")
        }
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: text.utf8)
        } catch {
            throw VolumeError(.badMetadata, path: url(path), error.description)
        }
        var multiscale = try Multiscale(zattrs: value, path: url(path))
        if isListed {
            let listed = Set(try await cache.list(key).prefixes)
            multiscale = Multiscale(
                levels: multiscale.levels.filter { listed.contains($0.path) },
                declaredUnits: multiscale.declaredUnits, warnings: multiscale.warnings)
        }
        return MultiscaleImage(key: key, multiscale: multiscale, attributes: text)
    }

    /// The metadata of a level's array, checked to be three-dimensional.
    func array(_ image: MultiscaleImage, level: Multiscale.Level) async throws -> (ArrayMetadata, text: String) {
        let path = "\(image.key)/\(level.path)/.zarray"
        guard let text = try await cache.text(path) else {
            throw VolumeError(.notAnArray, path: url(path), "there is no such object")
        }
        let metadata = try ArrayMetadata(zarrV2: Array(text.utf8), path: url(path))
        guard metadata.shape.count == 3 else {
            throw VolumeError(
                .unsupported, path: url(path), key: "shape", "\(metadata.shape.count) axes, expected 3 (z, y, x)")
        }
        return (metadata, text)
    }

    func url(_ key: String) -> String { cache.storeURL.url(of: key) }
}

/// Maps concurrently, keeping the order.
func concurrentMap<Input: Sendable, Output: Sendable>(
    _ inputs: [Input], _ transform: @escaping @Sendable (Input) async throws -> Output
) async throws -> [Output] {
    try await withThrowingTaskGroup(of: (Int, Output).self) { group in
        for (index, input) in inputs.enumerated() {
            group.addTask { (index, try await transform(input)) }
        }
        var outputs = [Output?](repeating: nil, count: inputs.count)
        for try await (index, output) in group { outputs[index] = output }
        return outputs.compactMap { $0 }
    }
}
