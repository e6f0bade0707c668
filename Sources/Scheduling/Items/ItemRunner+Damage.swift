internal import Arrays
internal import Job
public import Ledger
internal import Logging
internal import Planning
internal import Threads

/// Outputs that are not what their records say: a flipped byte, a file that was overwritten.
extension ItemRunner {
    /// Reads the outputs of the stages that are done, and notes those that are not what their records say. These stages are not done any
    /// more then, for no process; the file stays until another one takes its place.
    ///
    /// - Parameter beforehand: called before anything is noted, and blocks.
    /// - Returns: what is done.
    func checked(_ done: DoneStages, beforehand: @escaping @Sendable () throws -> Void = {}) async throws -> DoneStages
    {
        try await checked([done.convert, done.resize].compactMap { $0 }, of: done, beforehand)
    }

    /// The file that stages of this run will read, if another run has made it: it is looked at before anything is made from it.
    func withoutDamagedSource(_ done: DoneStages, _ stages: Set<Stage>) async throws -> DoneStages {
        let isRead = (done.stat == nil && stages.contains(.stat)) || (done.resize == nil && stages.contains(.resize))
        var records = isRead ? [done.convert].compactMap { $0 } : []
        // Of this one only the entry is made.
        if let resize = done.resize, !done.isMeasured, stages.contains(.resize) { records.append(resize) }
        guard !records.isEmpty else { return done }
        return try await stageErrors(done.stat == nil && stages.contains(.stat) ? .stat : .resize) {
            try await checked(records, of: done) {}
        }
    }

    private func checked(
        _ records: [Record], of done: DoneStages, _ beforehand: @escaping @Sendable () throws -> Void
    ) async throws -> DoneStages {
        try context.stop.check()
        let (context, plan) = (context, plan)
        return try await ThreadPool.files.run { () throws in
            var isSound = true
            for record in records {
                var damaged: Set<String> = []
                for output in record.outputs {
                    guard let problem = try OutputCheck.problem(of: output, in: context.output) else { continue }
                    damaged.insert(output.path)
                    context.logger.warning(
                        "\(plan.name): \(context.output.path)/\(output.path): \(problem); it is made anew",
                        metadata: ["item": "\(plan.name)", "event": "output_damaged"])
                }
                guard !damaged.isEmpty else { continue }
                if isSound { try beforehand() }
                isSound = false
                try context.records.write(record.distrusting(damaged))
            }
            return isSound ? done : try self.done()
        }
    }
}

/// Compares an output with what its record says.
public enum OutputCheck {
    /// What is wrong with the file, in a line; nil where it is what was made. Reads it to its end, and blocks.
    public static func problem(of output: Record.Output, in folder: ConfinedFolder) throws(LedgerError) -> String? {
        // Its record alone stands for it.
        if output.isRemoved { return nil }
        // Its size tells without reading it.
        guard let size = try folder.fileSize(output.path) else { return "the file is missing" }
        let expected = output.digest
        if output.isDamaged { return "the file was found damaged, and could not be made anew yet" }
        guard size == expected.size else { return "\(size) bytes, the record says \(expected.size)" }
        guard let found = try folder.digest(output.path) else { return "the file is missing" }
        guard found == expected else { return "SHA-256 \(found.sha256), the record says \(expected.sha256)" }
        return nil
    }
}
