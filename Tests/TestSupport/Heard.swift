import Synchronization

/// The lines that some code has told, such as warnings.
package final class Heard: Sendable {
    private let lines = Mutex<[String]>([])
    private let isWanted: @Sendable (String) -> Bool

    /// - Parameter isWanted: which lines are kept.
    package init(where isWanted: @escaping @Sendable (String) -> Bool = { _ in true }) { self.isWanted = isWanted }

    package func add(_ line: String) { if isWanted(line) { lines.withLock { $0.append(line) } } }

    package var all: [String] { lines.withLock { $0 } }

    /// What has been told since the last call.
    @discardableResult package func new() -> [String] {
        lines.withLock { lines in
            defer { lines = [] }
            return lines
        }
    }
}
