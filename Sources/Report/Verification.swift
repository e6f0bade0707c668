internal import Arrays
internal import CropFiles
internal import Foundation
public import Job
internal import Ledger
internal import Manifest
internal import Planning
public import Scheduling
internal import Summaries
internal import Threads

/// Re-reads what a job has made, for `cristae verify`. Writes nothing.
public struct Verification: Sendable {
    private let context: JobContext

    public init(_ context: JobContext) { self.context = context }

    /// What `verify` found about one output.
    public struct Finding: Sendable {
        /// Below the output directory, or the state directory where `isState` says so.
        public let path: String
        /// What is wrong; nil where the file is what it should be.
        public var problem: String?
        /// What is to be known of a file that is not damaged.
        public var note: String?
        /// The item that the file is of.
        var item: String?
    }

    /// Reads all outputs and compares them with their records, and the texts with what the state gives.
    public func verify() async throws -> [Finding] {
        let present = try await PresentJob(context)
        return try await outputs(present) + texts(present)
    }

    /// Makes anew what these findings say is damaged.
    ///
    /// - Returns: how the run for it ended, and what is damaged still.
    public static func repair(_ findings: [Finding], _ context: JobContext) async throws -> (
        outcome: Runner.Outcome, bad: [Finding]
    ) {
        var options = Runner.Options(verify: true)
        options.items = Set(findings.filter { $0.problem != nil }.compactMap(\.item))
        let outcome = try await Runner(context, options: options).run()
        let paths = Set(findings.filter { $0.problem != nil }.map(\.path))
        let verification = Verification(context)
        let present = try await PresentJob(context)
        let again = try await verification.outputs(present, among: paths) + verification.texts(present)
        return (outcome, again.filter { $0.problem != nil })
    }

    // MARK: HDF5 files

    /// - Parameter paths: the files that are looked at; nil is all.
    private func outputs(_ present: PresentJob, among paths: Set<String>? = nil) async throws -> [Finding] {
        let context = context
        var findings = present.damaged.map { path in
            Finding(
                path: "\(context.state.path)/\(path)", problem: "the plan cannot be read; the next run makes it anew")
        }
        let only = try ItemFilter(context.manifest.only)
        let items = try await ThreadPool.files.run { () throws(LedgerError) in try context.records.items() }
        let survey = RecordSurvey(context, present)
        let found = try await concurrentMap(items) { item -> [Finding] in
            try context.stop.check()
            return try await ThreadPool.files.run { () throws in
                try survey.outputs(of: item).filter { output in
                    guard paths?.contains(output.output.path) ?? true else { return false }
                    return only.takes(item, of: output.dataset ?? "")
                }.map { try Self.finding($0, item, context) }
            }
        }
        findings += found.flatMap { $0 }
        return findings
    }

    private static func finding(
        _ found: RecordSurvey.Found, _ item: String, _ context: JobContext
    ) throws -> Finding {
        let path = found.output.path
        switch found.standing {
        case .foreign: return Finding(path: path, note: "does not belong to the job")
        case .stale: return Finding(path: path, note: "does not belong to the job: it was made from other settings")
        case .unreadable(let record):
            return Finding(path: record, problem: "the record cannot be read", item: item)
        case .current, .open:
            do {
                if found.output.isRemoved {
                    return Finding(
                        path: path, note: "was let go of (convert.keep_native); its record stands for it", item: item)
                }
                let problem = try OutputCheck.problem(of: found.output, in: context.output)
                let coverage = RawCoverage(try context.records.record(item: item, stage: "download"))
                return Finding(path: path, problem: problem, note: problem == nil ? coverage?.note : nil, item: item)
            } catch {
                return Finding(path: path, problem: error.message, item: item)
            }
        }
    }

    // MARK: Texts

    private func texts(_ present: PresentJob) async throws -> [Finding] {
        let this = self
        return try await ThreadPool.files.run { () throws in try this.summaries(present) + this.lists(present) }
    }

    private func summaries(_ present: PresentJob) throws -> [Finding] {
        // A state whose plans are not of this manifest says nothing of what should be in them.
        guard !present.plans.isEmpty, present.outdated.isEmpty else { return [] }
        return try Summaries(context: context).expected(present).compactMap { expected in
            let found: [UInt8]?
            do throws(LedgerError) {
                found = try context.output.read(expected.path)
            } catch {
                return Finding(path: expected.path, problem: error.message)
            }
            guard let found else {
                return expected.isWritten ? Finding(path: expected.path, problem: "the file is missing") : nil
            }
            if expected.texts.contains(found) { return Finding(path: expected.path) }
            if let written = expected.written, written == FileDigest(of: found) {
                return Finding(path: expected.path, note: "is older than the state; the next run brings it up to date")
            }
            return Finding(path: expected.path, problem: "it is not what the state directory gives")
        }
    }

    private func lists(_ present: PresentJob) throws -> [Finding] {
        var findings: [Finding] = []
        for plan in present.plans {
            let lists: [(path: String, text: [UInt8])]
            do {
                lists = try DatasetLists(context).texts(plan)
            } catch let change as PlanChange {
                findings.append(Finding(path: change.path, problem: "the plan of \(change.item) cannot be read"))
                continue
            }
            for (path, text) in lists {
                do throws(LedgerError) {
                    guard let found = try context.output.read(path) else {
                        findings.append(Finding(path: path, problem: "the file is missing"))
                        continue
                    }
                    let isSame = found == text
                    findings.append(
                        Finding(path: path, problem: isSame ? nil : "it is not what the state directory gives"))
                } catch {
                    findings.append(Finding(path: path, problem: error.message))
                }
            }
        }
        for plan in present.others where plan.plan.isSelected {
            let dataset = plan.plan.dataset
            for path in [DatasetLists.metadataPath(dataset), DatasetLists.listPath(dataset)]
            where try context.output.fileSize(path) != nil {
                findings.append(Finding(path: path, note: "does not belong to the job"))
            }
        }
        return findings
    }
}
