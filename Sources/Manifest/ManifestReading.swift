/// One reading of a manifest: what has been found wrong so far.
///
/// Readers go on after a problem, so that the reported one does not depend on the order in which keys are read.
final class ManifestReading {
    /// The folder that relative paths are seen from.
    var folder: String
    private var problems: [ManifestError] = []

    init(folder: String) { self.folder = folder }

    func add(_ problem: ManifestError) { problems.append(problem) }

    /// What `body` returns. What it throws is noted. nil where it has thrown, or noted a problem itself.
    @discardableResult
    func collect<T>(_ body: () throws(ManifestError) -> T) -> T? {
        let count = problems.count
        do {
            let value = try body()
            return problems.count == count ? value : nil
        } catch {
            add(error)
            return nil
        }
    }

    /// - Throws: The first problem: unknown keys before all else, then by path.
    func throwFirst() throws(ManifestError) {
        let first = problems.min { left, right in
            left.isUnknownKey == right.isUnknownKey ? left.place < right.place : left.isUnknownKey
        }
        if let first { throw first }
    }
}
