internal import Elements
internal import JSONText

/// Makes a ``Manifest`` of a JSON document. First each key is read by itself, then the values are compared with each other.
struct ManifestParser {
    private let document: JSONValue
    private let overrides: Manifest.Overrides
    private let reading: ManifestReading
    private let keys = Manifest.keys

    init(_ document: JSONValue, folder: String, overrides: Manifest.Overrides) throws(ManifestError) {
        guard document.object != nil else { throw ManifestError(document, .document, "a JSON object") }
        self.document = document
        self.overrides = overrides
        reading = ManifestReading(folder: AbsolutePath(folder).text)
    }

    /// The manifest.
    ///
    /// - Throws: the first of all problems: unknown keys, then bad values, then contradictions between good ones.
    func manifest() throws(ManifestError) -> Manifest {
        var manifest = try keys.read(
            document, .document, reading, supplied: overrides.source == nil ? nil : \Manifest.source)
        manifest.output = AbsolutePath(manifest.output, in: reading.folder).text
        manifest.state = AbsolutePath(manifest.state, in: reading.folder).text
        manifest.namesClasses = Manifest.Origin(isGiven: isGiven(\.classes))
        if manifest.mode == .volumes, !isGiven(\.derive) { manifest.derive = [:] }
        override(&manifest)
        try reading.throwFirst()
        checkDatasets(manifest)
        checkDerive(manifest)
        checkFolders(manifest)
        try reading.throwFirst()
        return manifest
    }

    private func isGiven(_ property: PartialKeyPath<Manifest>) -> Bool { document[keys.key(property).name] != nil }

    private func place(_ property: PartialKeyPath<Manifest>) -> JSONPath { .document.key(keys.key(property).name) }

    /// Flags and the environment replace values of the manifest. The replaced value must be right nevertheless.
    private func override(_ manifest: inout Manifest) {
        reading.folder = ""
        func override(_ property: PartialKeyPath<Manifest>, _ name: String, _ value: JSONValue?) {
            guard let value else { return }
            reading.collect { () throws(ManifestError) in
                try keys.key(property).read(value, JSONPath(root: name), reading, &manifest)
            }
        }
        override(\.source, "--source", overrides.source.map { .string($0) })
        override(\.output, "--output", overrides.output.map { .string($0) })
        override(\.state, "--state", overrides.state.map { .string($0) })
        override(\.only, "--only", overrides.only.map { .array($0.map { .string($0) }) })
        override(\.endpoint, "--endpoint", overrides.endpoint.map { .string($0) })
        if manifest.endpoint == nil, let variable = overrides.environmentEndpoint, !variable.isEmpty {
            override(\.endpoint, "AWS_ENDPOINT_URL", .string(variable))
        }
    }

    // MARK: Together

    /// Regions, grids and lists of a dataset that is not asked for would have no effect, which must not pass in silence.
    private func checkDatasets(_ manifest: Manifest) {
        let globs = manifest.datasetGlobs
        func check(_ name: String, _ path: JSONPath) {
            guard !globs.matches(name) else { return }
            reading.add(
                ManifestError(
                    path: path, found: "\(QuotedText(name))", expected: "a dataset that \"datasets\" names",
                    suggestion: Spelling.nearest(to: name, in: manifest.datasets)))
        }
        let (regionDataset, gridDataset) = (Manifest.Region.keys.key(\.dataset), Manifest.ArrayGrid.keys.key(\.dataset))
        for (index, region) in manifest.regions.enumerated() {
            check(region.dataset, place(\.regions).index(index).key(regionDataset.name))
        }
        for (index, grid) in manifest.grids.enumerated() {
            check(grid.dataset, place(\.grids).index(index).key(gridDataset.name))
        }
        for name in manifest.lists.keys { check(name, place(\.lists).key(name)) }
    }

    /// Components are known only when all voxels have been seen, and those of a volume do not fit into memory.
    private func checkDerive(_ manifest: Manifest) {
        guard manifest.mode == .volumes else { return }
        for (name, rule) in manifest.derive where rule.instances {
            reading.add(
                ManifestError(
                    path: place(\.derive).key(name).key(Manifest.DeriveRule.keys.key(\.instances).name), found: "true",
                    expected: "false in the mode \"volumes\", where components cannot be labelled"))
        }
    }

    /// What a run writes must not mix with what it records, nor with what it reads.
    private func checkFolders(_ manifest: Manifest) {
        let output = AbsolutePath(manifest.output).followingLinks
        let state = AbsolutePath(manifest.state).followingLinks
        let outputPath = overrides.output == nil ? place(\.output) : JSONPath(root: "--output")
        let statePath = overrides.state == nil ? place(\.state) : JSONPath(root: "--state")
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
        reading.add(
            ManifestError(path: path, found: "\(QuotedText(folder.text)), \(relation)", expected: expected))
    }
}
