public import Arrays
internal import Foundation
internal import Glibc
public import Job
internal import Ledger
public import Logging
public import Manifest
internal import Planning
internal import Stores

/// Contexts of verbs that only look at a job: they make no folders in it.
extension JobContext {
    /// A job as its state directory tells of it; nil where it has none. Where nothing of the manifest's source is planned, because a run was
    /// given another one by a flag, it is the source of that run.
    public static func looking(at manifest: Manifest, stop: StopSignal, logger: Logger) throws -> JobContext? {
        guard let context = try JobContext(reading: manifest, stop: stop, logger: logger) else { return nil }
        let globs = manifest.datasetGlobs
        var sources: Set<String> = []
        for name in try context.state.list("plans") where name.hasSuffix(".plan") {
            if let plan = try PlanFile(of: String(name.dropLast(5)), in: context.state),
                globs.matches(plan.plan.dataset)
            {
                sources.insert(plan.source)
            }
        }
        guard sources.count == 1, let source = sources.first, source != context.store.url.description else {
            return context
        }
        var manifest = manifest
        manifest.source = source
        return try JobContext(reading: manifest, stop: stop, logger: logger)
    }

    /// Runs `body` with a job to be planned and not to be run. What the store says is kept in the state directory where a run has made one,
    /// else in a folder of the system that goes at the end.
    public static func planning<R>(
        _ manifest: Manifest, stop: StopSignal, logger: Logger, _ body: (JobContext) async throws -> R
    ) async throws -> R {
        if let context = try JobContext(reading: manifest, stop: stop, logger: logger),
            try context.state.folder("plans") != nil
        {
            return try await body(context)
        }
        let state = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: state) }
        var manifest = manifest
        manifest.state = state
        guard let context = try JobContext(reading: manifest, stop: stop, logger: logger) else {
            throw JobError.cannotWrite("\(state): the folder has vanished")
        }
        return try await body(context)
    }

    /// A new folder where the system has room for one: in a container that may write nothing else, that is often memory alone.
    private static func temporaryFolder() throws(JobError) -> String {
        let places = [NSTemporaryDirectory(), "/tmp", "/var/tmp", "/dev/shm"]
        for place in places {
            let path = "\(place)/cristae-plan-\(UUID().uuidString)"
            if mkdir(path, 0o700) == 0 { return path }
        }
        throw .cannotWrite("no temporary folder can be made in \(places.joined(separator: ", "))")
    }
}
