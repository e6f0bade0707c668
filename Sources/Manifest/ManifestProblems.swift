internal import Elements

/// What has been found wrong so far. Readers go on after a problem, so that which one is told does not depend on the order
/// in which the manifest or the reader takes its keys.
final class ManifestProblems {
    private var all: [ManifestProblem] = []

    func add(_ problem: ManifestProblem) { all.append(problem) }

    /// Runs `body`; what it throws is kept, and nil returned.
    @discardableResult
    func collect<T>(_ body: () throws(ManifestProblem) -> T) -> T? {
        do {
            return try body()
        } catch {
            add(error)
            return nil
        }
    }

    /// - Throws: the first problem: unknown keys before all else, then by path.
    func throwFirst() throws(ManifestProblem) {
        let first = all.min { left, right in
            left.isUnknownKey == right.isUnknownKey ? left.path < right.path : left.isUnknownKey
        }
        if let first { throw first }
    }
}
