internal import Ledger
internal import Threads

/// Re-reads what a job has made, for `cristae verify`.
public struct Verification: Sendable {
    private let context: JobContext

    public init(_ context: JobContext) { self.context = context }

    /// What `verify` found about one output.
    public struct Finding: Sendable {
        public let path: String
        /// nil where the file is what its record says.
        public let problem: String?
    }

    /// Re-reads all outputs and compares them with their records.
    public func verify() async throws -> [Finding] {
        let context = context
        let outputs = try await ThreadPool.files.run { () throws in
            try context.records.items().flatMap { item in
                try ["convert", "resize"].compactMap { try context.records.record(item: item, stage: $0) }.flatMap(
                    \.outputs)
            }
        }
        return try await concurrentMap(outputs) { output in
            try await ThreadPool.files.run { () throws(LedgerError) in
                guard let found = try context.output.digest(output.path) else {
                    return Finding(path: output.path, problem: "the file is missing")
                }
                guard found.size == output.digest.size else {
                    return Finding(
                        path: output.path, problem: "\(found.size) bytes, the record says \(output.digest.size)")
                }
                guard found == output.digest else {
                    return Finding(
                        path: output.path,
                        problem: "SHA-256 \(found.sha256), the record says \(output.digest.sha256)")
                }
                return Finding(path: output.path, problem: nil)
            }
        }
    }
}
