internal import Elements
import Geometry
import JSONText

/// Makes a ``Manifest`` of a JSON document: every key by itself first, then what they say together.
struct ManifestParser {
    /// Lengths and places that a region may have, in nm: up to a metre.
    static let regionLimitNm = 1e9
    /// Raw data around labels, in nm: up to a millimetre.
    static let paddingLimitNm = 1e6
    static let upsampling = 1...1000.0
    static let seeds = 0...(1 << 53)
    static let connections = 1...1024
    static let memory = (128 << 20)...(1 << 50)
    static let bandwidth = 1...(1 << 50)
    static let attempts = 1...100
    static let claimSeconds = 2...86400
    static let outageSeconds = 0...86400.0

    private let top: ManifestSection<ManifestKey>
    private let document: JSONValue
    private let folder: String
    private let overrides: Manifest.Overrides
    private let problems = ManifestProblems()

    init(_ document: JSONValue, folder: String, overrides: Manifest.Overrides) throws(ManifestProblem) {
        guard document.object != nil else {
            throw ManifestProblem(path: .document, found: document.shown, expected: "a JSON object")
        }
        self.document = document
        self.folder = AbsolutePath(folder).text
        self.overrides = overrides
        top = ManifestSection(document, at: .document, problems)
    }

    /// The manifest.
    ///
    /// - Throws: the first of all problems: unknown keys, then bad values, then contradictions between good ones.
    func manifest() throws(ManifestProblem) -> Manifest {
        let source = self.source()
        let datasets = top.requiredValue(
            .datasets, expected: "an array of dataset names or shell patterns",
            ManifestValue.list(
                "an array of dataset names or shell patterns that is not empty",
                of: ManifestName.pattern("a dataset name")))
        let lists = self.lists()
        let mode = top.value(.mode, ManifestValue.choice(Manifest.Mode.self)) ?? .crops
        let classes = top.value(.classes, self.classes)
        let manifest = Manifest(
            job: top.value(.job, ManifestName.component("a job name")) ?? "cristae",
            source: source ?? "",
            endpoint: endpoint(),
            anonymous: top.value(.anonymous, ManifestValue.boolean) ?? true,
            datasets: datasets ?? [],
            only: only(),
            select: top.value(.select, ManifestValue.choice(Manifest.Selection.self)) ?? .groundtruth,
            mode: mode,
            regions: top.value(.regions, regions) ?? [],
            grids: top.value(.grids, grids) ?? [],
            classes: classes ?? ["mito"],
            namesClasses: Manifest.Origin(isGiven: classes != nil),
            derive: top.value(.derive, derive) ?? (mode == .volumes ? [:] : ["mito": .mitochondria]),
            targetNm: top.value(.targetNm, ManifestValue.voxelSize) ?? ZYX(repeating: 8),
            tolerance: top.value(
                .tolerance, ManifestValue.number("a number of at least 0 and below 1") { $0 >= 0 && $0 < 1 }) ?? 0.4,
            levels: top.value(.levels, ManifestValue.choice(Manifest.LevelRule.self)) ?? .target,
            paddingNm: top.value(
                .paddingNm,
                ManifestValue.number("a number from 0 to 1000000 in nm") { (0...Self.paddingLimitNm).contains($0) })
                ?? 0,
            lists: lists,
            output: directory(.output, overrides.output, flag: "--output", standard: "out"),
            state: directory(.state, overrides.state, flag: "--state", standard: "state"),
            convert: convert(),
            resize: resize(),
            split: split(),
            limits: limits())
        try problems.throwFirst()
        checkDatasets(manifest)
        checkDerive(manifest)
        checkFolders(manifest)
        try problems.throwFirst()
        return manifest
    }

    // MARK: Where from and where to

    private func source() -> String? {
        let given: String?
        if overrides.source == nil {
            given = top.requiredValue(.source, expected: "a store URL or a path", StoreAddress.source(in: folder))
        } else {
            given = top.value(.source, StoreAddress.source(in: folder))
        }
        return flag("--source", overrides.source, StoreAddress.source(in: "")) ?? given
    }

    private func endpoint() -> String? {
        let given = top.optionalValue(.endpoint, StoreAddress.endpoint)
        let fromFlag = flag("--endpoint", overrides.endpoint, StoreAddress.endpoint)
        if fromFlag != nil || given != nil { return fromFlag ?? given }
        guard let variable = overrides.environmentEndpoint, !variable.isEmpty else { return nil }
        return flag("AWS_ENDPOINT_URL", variable, StoreAddress.endpoint)
    }

    private func directory(_ key: ManifestKey, _ override: String?, flag name: String, standard: String) -> String {
        let given = top.value(key, AbsolutePath.reader("the path of a folder", in: folder))
        let fromFlag = flag(name, override, AbsolutePath.reader("the path of a folder", in: ""))
        return (fromFlag ?? given ?? AbsolutePath(standard, in: folder)).text
    }

    private func lists() -> [String: String] {
        let paths = top.value(.lists) { (value, path) throws(ManifestProblem) -> [String: AbsolutePath] in
            guard let members = value.object else {
                throw ManifestValue.mismatch(value, path, "an object of dataset names and paths")
            }
            let read = AbsolutePath.reader("the path of a to-download list", in: folder)
            for (name, value) in members {
                problems.collect { () throws(ManifestProblem) in
                    _ = try ManifestName.component("a dataset name")(.string(name), path.key(name))
                    guard try read(value, path.key(name)).isRegularFile else {
                        throw ManifestValue.mismatch(value, path.key(name), "the path of a file that exists")
                    }
                }
            }
            return members.compactMapValues { $0.string.map { AbsolutePath($0, in: folder) } }
        }
        return (paths ?? [:]).mapValues(\.text)
    }

    /// The value of a flag or variable; nil where it is not given, or bad, which is noted.
    private func flag<T>(_ name: String, _ text: String?, _ read: ManifestValue.Reader<T>) -> T? {
        guard let text else { return nil }
        return problems.collect { () throws(ManifestProblem) in try read(.string(text), JSONPath(root: name)) }
    }

    // MARK: What

    private func only() -> [String] {
        let read = ManifestValue.list(
            "an array of item names or shell patterns", mayBeEmpty: true, of: ManifestName.itemPattern)
        let given = top.value(.only, read) ?? []
        guard let patterns = overrides.only else { return given }
        let value = JSONValue.array(patterns.map { .string($0) })
        return problems.collect { () throws(ManifestProblem) in try read(value, JSONPath(root: "--only")) } ?? given
    }

    private func classes(_ value: JSONValue, _ path: JSONPath) throws(ManifestProblem) -> [String] {
        let names = try ManifestValue.list(
            "an array of class names that is not empty, or [\"*\"]", of: ManifestName.labelClass)(value, path)
        if names.count > 1, let all = names.firstIndex(of: "*") {
            throw ManifestProblem(
                path: path.index(all), found: "\"*\" beside other classes", expected: "\"*\" alone, or names alone")
        }
        return names
    }

    private func regions(_ value: JSONValue, _ path: JSONPath) throws(ManifestProblem) -> [Manifest.Region] {
        guard let elements = value.array else { throw ManifestValue.mismatch(value, path, "an array of regions") }
        var seen: [Manifest.Region: Int] = [:]
        return elements.enumerated().compactMap { index, element in
            guard let region = region(element, path.index(index)) else { return nil }
            if let first = seen.updateValue(index, forKey: region) {
                problems.add(
                    ManifestProblem(
                        path: path.index(index), found: "the region of [\(first)] again", expected: "each region once"))
            }
            return region
        }
    }

    private func region(_ value: JSONValue, _ path: JSONPath) -> Manifest.Region? {
        let limit = Self.regionLimitNm
        let offset = "three numbers [z, y, x] in nm, each from -1000000000 to 1000000000"
        let shape = "three positive numbers [z, y, x] in nm, each up to 1000000000"
        let section = ManifestSection<RegionKey>(value, at: path, problems)
        guard value.object != nil else { return nil }
        let dataset = section.requiredValue(
            .dataset, expected: "a dataset name", ManifestName.component("a dataset name"))
        let offsetNm = section.requiredValue(
            .offsetNm, expected: offset, ManifestValue.triple(of: offset) { abs($0) <= limit })
        let shapeNm = section.requiredValue(
            .shapeNm, expected: shape, ManifestValue.triple(of: shape) { $0 > 0 && $0 <= limit })
        guard let dataset, let offsetNm, let shapeNm else { return nil }
        return Manifest.Region(dataset: dataset, offsetNm: offsetNm, shapeNm: shapeNm)
    }

    private func grids(_ value: JSONValue, _ path: JSONPath) throws(ManifestProblem) -> [Manifest.ArrayGrid] {
        guard let elements = value.array else { throw ManifestValue.mismatch(value, path, "an array of grids") }
        var seen: [[String]: Int] = [:]
        return elements.enumerated().compactMap { index, element in
            guard let grid = grid(element, path.index(index)) else { return nil }
            if let first = seen.updateValue(index, forKey: [grid.dataset, grid.path]) {
                problems.add(
                    ManifestProblem(
                        path: path.index(index).key(ArrayGridKey.path.rawValue),
                        found: "the array of [\(first)] again", expected: "each array once"))
            }
            return grid
        }
    }

    private func grid(_ value: JSONValue, _ path: JSONPath) -> Manifest.ArrayGrid? {
        let limit = Self.regionLimitNm
        let translation = "three numbers [z, y, x] in nm, each from -1000000000 to 1000000000"
        let section = ManifestSection<ArrayGridKey>(value, at: path, problems)
        guard value.object != nil else { return nil }
        let dataset = section.requiredValue(
            .dataset, expected: "a dataset name", ManifestName.component("a dataset name"))
        let array = section.requiredValue(.path, expected: "the path of an array", ManifestName.arrayPath)
        let labelClass = section.value(.labelClass, ManifestName.component("a class name"))
        let axes = section.value(.axes, ManifestValue.choice(Manifest.ArrayGrid.Axes.self)) ?? .zyx
        let voxelSize = section.requiredValue(
            .voxelSizeNm, expected: "a voxel size in nm", ManifestValue.voxelSize)
        let translationNm = section.requiredValue(
            .translationNm, expected: translation, ManifestValue.triple(of: translation) { abs($0) <= limit })
        guard let dataset, let array, let voxelSize, let translationNm else { return nil }
        return Manifest.ArrayGrid(
            dataset: dataset, path: array, labelClass: labelClass, axes: axes, voxelSizeNm: voxelSize,
            translationNm: translationNm)
    }

    private func derive(
        _ value: JSONValue, _ path: JSONPath
    ) throws(ManifestProblem) -> [String: Manifest.DeriveRule] {
        guard let members = value.object else {
            throw ManifestValue.mismatch(value, path, "an object of class names and rules")
        }
        var rules: [String: Manifest.DeriveRule] = [:]
        for (name, value) in members {
            let path = path.key(name)
            _ = problems.collect { () throws(ManifestProblem) in
                try ManifestName.component("a class name")(.string(name), path)
            }
            rules[name] = rule(for: name, value, path)
        }
        return rules
    }

    private func rule(for name: String, _ value: JSONValue, _ path: JSONPath) -> Manifest.DeriveRule? {
        let section = ManifestSection<DeriveKey>(value, at: path, problems)
        guard value.object != nil else { return nil }
        let from = section.requiredValue(.from, expected: "a class name") { (value, path) throws(ManifestProblem) in
            let from = try ManifestName.component("a class name")(value, path)
            guard from != name else {
                throw ManifestValue.mismatch(value, path, "another class than the one that is derived")
            }
            return from
        }
        let ids = section.requiredValue(
            .ids, expected: "an array of ids",
            ManifestValue.list("an array of ids that is not empty", of: ManifestValue.integer(in: 0...Int.max)))
        let instances = section.value(.instances, ManifestValue.boolean) ?? false
        guard let from, let ids else { return nil }
        return Manifest.DeriveRule(from: from, ids: ids, instances: instances)
    }

    // MARK: How

    private func convert() -> Manifest.Convert {
        var convert = Manifest.Convert()
        guard let section = top.section(.convert, ConvertKey.self) else { return convert }
        convert.compression =
            section.value(.compression, ManifestValue.choice(Manifest.Convert.Compression.self)) ?? convert.compression
        convert.keepNative = section.value(.keepNative, ManifestValue.boolean) ?? convert.keepNative
        convert.keepPacks = section.value(.keepPacks, ManifestValue.boolean) ?? convert.keepPacks
        return convert
    }

    private func resize() -> Manifest.Resize {
        var resize = Manifest.Resize()
        guard let section = top.section(.resize, ResizeKey.self) else { return resize }
        resize.raw = section.value(.raw, ManifestValue.choice(Manifest.Resize.RawRule.self)) ?? resize.raw
        resize.labels = section.value(.labels, ManifestValue.choice(Manifest.Resize.LabelRule.self)) ?? resize.labels
        resize.grid = section.value(.grid, ManifestValue.choice(Manifest.Resize.GridRule.self)) ?? resize.grid
        resize.maxUpsampling =
            section.value(
                .maxUpsampling, ManifestValue.number("a number from 1 to 1000", where: Self.upsampling.contains))
            ?? resize.maxUpsampling
        return resize
    }

    private func split() -> Manifest.Split? {
        guard let section = top.section(.split, SplitKey.self) else { return nil }
        var split = Manifest.Split()
        let share = ManifestValue.number("a number from 0 to 1") { (0...1).contains($0) }
        split.validation = section.value(.validation, share) ?? split.validation
        split.test = section.value(.test, share) ?? split.test
        split.seed = section.value(.seed, ManifestValue.integer(in: Self.seeds)) ?? split.seed
        split.by = section.value(.by, ManifestValue.choice(Manifest.Split.Unit.self)) ?? split.by
        if split.validation + split.test > 1 {
            problems.add(
                ManifestProblem(
                    path: top.path(of: .split), found: "\(split.validation) and \(split.test)",
                    expected: "\"validation\" and \"test\" that are at most 1 together"))
        }
        return split
    }

    private func limits() -> Manifest.Limits {
        var limits = Manifest.Limits()
        guard let section = top.section(.limits, LimitsKey.self) else { return limits }
        let memory = "at least 128 MiB, as bytes or a text such as \"1GiB\""
        let bandwidth = "bytes per second, as a positive number or a text such as \"100MB/s\", or null for no limit"
        limits.connections =
            section.value(.connections, ManifestValue.integer(in: Self.connections)) ?? limits.connections
        limits.memory = section.value(.memory, ManifestValue.bytes(memory, in: Self.memory)) ?? limits.memory
        limits.bandwidth = section.optionalValue(
            .bandwidth, ManifestValue.bytes(bandwidth, in: Self.bandwidth, perSecond: true))
        limits.maxAttempts =
            section.value(.maxAttempts, ManifestValue.integer(in: Self.attempts)) ?? limits.maxAttempts
        let outage = "a length of time from 0 s to 24 h: seconds, or a text such as \"10m\" or \"1h30m\""
        limits.outageSeconds =
            section.value(.outage, ManifestValue.seconds(outage, in: Self.outageSeconds)) ?? limits.outageSeconds
        limits.claimSeconds =
            section.value(.claimSeconds, ManifestValue.integer(in: Self.claimSeconds)) ?? limits.claimSeconds
        return limits
    }

    // MARK: Together

    /// Regions, grids and lists of datasets that nobody asked for would silently come to nothing.
    private func checkDatasets(_ manifest: Manifest) {
        let patterns = manifest.datasets.compactMap { try? Glob($0) }
        func check(_ name: String, _ path: JSONPath) {
            guard !patterns.contains(where: { $0.matches(name) }) else { return }
            problems.add(
                ManifestProblem(
                    path: path, found: "\(QuotedText(name))", expected: "a dataset that \"datasets\" names",
                    suggestion: Spelling.nearest(to: name, in: manifest.datasets)))
        }
        for (index, region) in manifest.regions.enumerated() {
            check(region.dataset, top.path(of: .regions).index(index).key(RegionKey.dataset.rawValue))
        }
        for (index, grid) in manifest.grids.enumerated() {
            check(grid.dataset, top.path(of: .grids).index(index).key(ArrayGridKey.dataset.rawValue))
        }
        for name in manifest.lists.keys { check(name, top.path(of: .lists).key(name)) }
    }

    /// Components are known when all voxels have been seen, which are more than fit into memory where they are a volume's.
    private func checkDerive(_ manifest: Manifest) {
        guard manifest.mode == .volumes else { return }
        for (name, rule) in manifest.derive where rule.instances {
            problems.add(
                ManifestProblem(
                    path: top.path(of: .derive).key(name).key(DeriveKey.instances.rawValue), found: "true",
                    expected: "false in the mode \"volumes\", where components cannot be labelled"))
        }
    }

    /// What a run writes must not mix with what it records, and neither with what it reads.
    private func checkFolders(_ manifest: Manifest) {
        let output = AbsolutePath(manifest.output).followingLinks
        let state = AbsolutePath(manifest.state).followingLinks
        let outputPath = overrides.output == nil ? top.path(of: .output) : JSONPath(root: "--output")
        let statePath = overrides.state == nil ? top.path(of: .state) : JSONPath(root: "--state")
        let apart = "two folders side by side, for records and packs must not lie among the results, nor the reverse"
        check(state, statePath, isApartFrom: output, "the output", expected: apart)
        guard let source = StoreAddress.folder(of: manifest.source)?.followingLinks else { return }
        let readOnly = "a folder apart from the source, which is only read"
        check(output, outputPath, isApartFrom: source, "the source", expected: readOnly)
        check(state, statePath, isApartFrom: source, "the source", expected: readOnly)
    }

    private func check(
        _ folder: AbsolutePath, _ path: JSONPath, isApartFrom other: AbsolutePath, _ name: String, expected: String
    ) {
        let relation: String
        switch (folder.isWithin(other), other.isWithin(folder)) {
        case (true, true): relation = "which is \(name)"
        case (true, false): relation = "which lies inside \(name) \(QuotedText(other.text))"
        case (false, true): relation = "which contains \(name) \(QuotedText(other.text))"
        case (false, false): return
        }
        problems.add(
            ManifestProblem(path: path, found: "\(QuotedText(folder.text)), \(relation)", expected: expected))
    }
}
