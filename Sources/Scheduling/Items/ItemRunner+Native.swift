internal import Job
internal import Ledger
internal import Manifest
internal import Threads

/// `convert.keep_native: false`: the file at native resolution goes once the resized one is there.
extension ItemRunner {
    /// Lets go of the native file of a complete item, where the manifest does not keep it.
    ///
    /// The record goes first: it says that the file is not to be there. A kill after it leaves the file to the next run.
    ///
    /// - Returns: what is done now, and how many bytes were removed; nil where there was nothing to remove.
    func lettingGoOfNative(_ done: DoneStages) async throws -> (done: DoneStages, freed: Int?) {
        guard !context.manifest.convert.keepNative, done.isComplete, let convert = done.convert else {
            return (done, nil)
        }
        let (records, output, isNoted) = (context.records, context.output, done.isWithoutNative)
        // Not what the record says: it is text, and names a file to be removed here.
        let path = plan.nativePath
        return try await ThreadPool.files.run { () throws(LedgerError) in
            var done = done
            if !isNoted {
                let record = convert.lettingGo
                try records.write(record)
                done.convert = record
            }
            let size = try output.fileSize(path)
            return (done, try output.remove(path) ? size : nil)
        }
    }
}
