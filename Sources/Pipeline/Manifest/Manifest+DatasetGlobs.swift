extension Manifest {
    /// The manifest's dataset names and globs as one question.
    var datasetGlobs: DatasetGlobs { DatasetGlobs(globs: datasets.compactMap { try? Glob($0) }) }

    struct DatasetGlobs {
        let globs: [Glob]

        func matches(_ name: String) -> Bool { globs.contains { $0.matches(name) } }
    }
}
