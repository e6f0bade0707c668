extension Manifest {
    /// The manifest's dataset names and globs as one question.
    public var datasetGlobs: DatasetGlobs { DatasetGlobs(globs: datasets.compactMap { try? Glob($0) }) }

    public struct DatasetGlobs: Sendable {
        let globs: [Glob]

        public func matches(_ name: String) -> Bool { globs.contains { $0.matches(name) } }
    }
}
