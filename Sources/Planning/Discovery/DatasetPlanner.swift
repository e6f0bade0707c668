public import Arrays
internal import Elements
internal import Geometry
public import Manifest
internal import Stores
internal import Threads
internal import Volumes

/// Plans all crops of one dataset, or its volume, and its regions.
public struct DatasetPlanner: Sendable {
    public let manifest: Manifest
    public let reader: DatasetReader
    public let stop: StopSignal

    public init(manifest: Manifest, reader: DatasetReader, stop: StopSignal) {
        (self.manifest, self.reader, self.stop) = (manifest, reader, stop)
    }

    /// - Throws: ``Failure`` where the dataset itself cannot be read; a crop that cannot be planned is in the plan's failures.
    public func plan() async throws -> DatasetPlan {
        var plan = DatasetPlan(
            dataset: reader.dataset, voxelSize: nil, hasGroundtruth: false, hasInference: false, isSelected: false,
            imageMetadata: nil, items: [], leftOut: nil, warnings: [], failures: [])
        let reconstructions = try await reader.reconstructions()
        plan.hasGroundtruth = reconstructions.contains(where: \.hasGroundtruth)
        plan.hasInference = reconstructions.contains { $0.hasInference }
        plan.isSelected =
            switch manifest.select {
            case .groundtruth: plan.hasGroundtruth
            case .inference: plan.hasGroundtruth || plan.hasInference
            case .all: true
            }
        // The alignment with ground truth is the one whose raw image stands for the dataset.
        let order = reconstructions.filter(\.hasGroundtruth) + reconstructions.filter { !$0.hasGroundtruth }
        var alignments: [Alignment] = []
        for reconstruction in order {
            plan.warnings += reconstruction.notes
            let images = try await rawImages(reconstruction, &plan)
            if plan.voxelSize == nil, let first = images.first {
                plan.voxelSize = first.multiscale.levels.first?.scale
                if plan.isSelected { plan.imageMetadata = first.attributes }
            }
            alignments.append(Alignment(reconstruction: reconstruction, images: images))
            guard plan.isSelected, manifest.mode == .crops else { continue }
            try await addCrops(reconstruction, images, &plan)
        }
        if plan.isSelected, manifest.mode == .volumes { try await addVolume(alignments, &plan) }
        try await addRegions(alignments, &plan)
        let undecided = plan.items.filter(\.isUndecided).map(\.name)
        plan.undecided = undecided.isEmpty ? nil : undecided
        plan.classes = try await classes(reconstructions, isListed: plan.failures.isEmpty)
        plan.missingArrays = try await missingArrays(reconstructions)
        warnOfNestedChunks(&plan)
        return plan
    }

    private func warnOfNestedChunks(_ plan: inout DatasetPlan) {
        let keys = plan.items.flatMap(\.arrays).filter { $0.isNestedUndeclared ?? false }.map(\.key)
        for key in keys.distinctNames() {
            plan.warnings.append(
                "\(reader.url(key))/.zarray has no dimension_separator, which means chunks 0.0.0, but they lie at 0/0/0: taken as they lie"
            )
        }
    }

    /// The classes that crops and whole-volume labels have; nil where a crop could not be listed.
    ///
    /// - Parameter isListed: whether nothing stands against listing what has not been listed yet.
    private func classes(_ reconstructions: [Reconstruction], isListed: Bool) async throws -> [String]? {
        var classes: Set<ByteName> = []
        for reconstruction in reconstructions {
            let isN5 = DatasetReader.isN5(reconstruction.key)
            for name in reconstruction.segmentations.map(\.name) {
                classes.insert(ByteName(name))
                if isN5, name.hasByteSuffix("_seg") { classes.insert(ByteName(name.bytePrefix(name.utf8.count - 4))) }
            }
            for crop in reconstruction.crops {
                let group = "\(reconstruction.key)/labels/groundtruth/\(crop)"
                var listing = await reader.cache.listed(group)
                if listing == nil, isListed { listing = try await reader.cache.list(group) }
                guard let listing else { return nil }
                classes.formUnion(listing.prefixes.map { ByteName($0) })
            }
        }
        return classes.sorted().map(\.text)
    }

    /// The paths of `grids` at which the store has no array; nil where there are none.
    private func missingArrays(_ reconstructions: [Reconstruction]) async throws -> [String]? {
        let keys = reconstructions.flatMap { $0.images + $0.segmentations.map(\.key) }
        var missing: [String] = []
        for grid in reader.grids {
            guard let key = keys.first(where: { ArrayPlan.path(of: $0).hasSameBytes(as: grid.path) }) else {
                continue
            }
            do {
                _ = try await reader.image(key)
            } catch let error as VolumeError where error.code == .notAnArray {
                missing.append(grid.path)
            } catch  where JobError(error, stop) == nil && !Cancellation.isFromOutside(error) {
                // It is there, and what is wrong with it is told where it is used.
                continue
            }
        }
        return missing.isEmpty ? nil : missing
    }

    private func addVolume(_ alignments: [Alignment], _ plan: inout DatasetPlan) async throws {
        do {
            let (item, warnings) = try await VolumePlanner(manifest: manifest, reader: reader).plan(alignments)
            plan.warnings += warnings
            switch item {
            case .item(let item): plan.items.append(item)
            case .leftOut(let leftOut): plan.leaveOut(leftOut)
            }
        } catch {
            plan.failures.append(try failure(error, item: reader.dataset))
        }
    }

    /// Regions are asked for by name: `select` does not matter to them.
    private func addRegions(_ alignments: [Alignment], _ plan: inout DatasetPlan) async throws {
        let regions = manifest.regions.filter { $0.dataset.hasSameBytes(as: reader.dataset) }
        for (index, region) in regions.enumerated() {
            do {
                let item = try await RegionPlanner(manifest: manifest, reader: reader).plan(
                    region, number: index + 1, alignments)
                if let leftOut = UpsamplingLimit(manifest).leftOut(item) {
                    plan.leaveOut(leftOut)
                } else {
                    plan.items.append(item)
                }
                plan.isSelected = true
                plan.imageMetadata = plan.imageMetadata ?? alignments.flatMap(\.images).first?.attributes
            } catch {
                plan.failures.append(try failure(error, item: RegionPlanner.name(region, index + 1)))
            }
        }
    }

    /// The failure of one item; errors that end the job are thrown on.
    private func failure(_ error: any Error, item: String) throws -> Failure {
        if let jobError = JobError(error, stop) { throw jobError }
        if Cancellation.isFromOutside(error) { throw error }
        return error as? Failure
            ?? Failure(item: item, dataset: reader.dataset, stage: "discover", reason: Cancellation.reason(error))
    }

    /// The EM images that can be read, the one to prefer first. Those that cannot be are warned of.
    private func rawImages(_ reconstruction: Reconstruction, _ plan: inout DatasetPlan) async throws
        -> [MultiscaleImage]
    {
        let results = try await concurrentMap(reconstruction.images) { key in
            do {
                return Result<MultiscaleImage, VolumeError>.success(
                    try await reader.image(key))
            } catch let error as VolumeError {
                return .failure(error)
            }
        }
        var images: [MultiscaleImage] = []
        for result in results {
            switch result {
            case .success(let image):
                images.append(image)
                plan.warnings += image.multiscale.warnings.map { "\(image.key): \($0)" }
            case .failure(let error): plan.warnings.append("raw image left out: \(error)")
            }
        }
        return images
    }

    private func addCrops(
        _ reconstruction: Reconstruction, _ images: [MultiscaleImage], _ plan: inout DatasetPlan
    ) async throws {
        let planner = CropPlanner(manifest: manifest, reader: reader, images: images)
        let (dataset, stop) = (reader.dataset, stop)
        let results = try await concurrentMap(reconstruction.crops) {
            crop -> Result<(planned: CropPlanner.Planned, place: CropPlace?), Failure> in
            let cropID = DatasetReader.cropID(crop) ?? 0
            let name = "crop_\(cropID)"
            let group = "\(reconstruction.key)/labels/groundtruth/\(crop)"
            guard !images.isEmpty else {
                return .failure(
                    Failure(
                        item: name, dataset: dataset, stage: "discover",
                        reason: "\(reader.url(reconstruction.key))/em has no raw image that can be read"))
            }
            do {
                return .success(try await planner.plan(name: name, cropID: cropID, group: group))
            } catch {
                if let jobError = JobError(error, stop) { throw jobError }
                if Cancellation.isFromOutside(error) { throw error }
                return .failure(
                    Failure(item: name, dataset: dataset, stage: "discover", reason: Cancellation.reason(error)))
            }
        }
        for result in results {
            switch result {
            case .success(let (planned, place)):
                switch planned {
                case .item(let item): plan.items.append(item)
                case .leftOut(let leftOut): plan.leaveOut(leftOut)
                }
                if let place { plan.places = (plan.places ?? []) + [place] }
            case .failure(let failure): plan.failures.append(failure)
            }
        }
    }
}

extension DatasetPlan {
    public mutating func leaveOut(_ item: LeftOut) { leftOut = (leftOut ?? []) + [item] }
}
