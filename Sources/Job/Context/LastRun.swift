internal import JSONText
public import Ledger
public import Manifest
internal import Planning
internal import Stores

/// Where the last run of a job read from and wrote to, in `state/run.json`: its flags may have said something else than the manifest, and
/// `cristae status` need not be told again.
public struct LastRun: Sendable, Codable {
    private static let path = "run.json"
    private static let maximumBytes = 1 << 16

    /// The URL of the store.
    public let source: String
    /// The output directory, as seen from the state directory.
    public let output: String

    /// Notes the run that is about to begin. Blocks.
    public static func note(_ context: JobContext) throws {
        let manifest = context.manifest
        let output = AbsolutePath(manifest.output).written(relativeTo: AbsolutePath(manifest.state))
        let text = try JSONFile.encode(LastRun(source: manifest.source, output: output), pretty: true)
        try context.state.update(text, to: path)
    }

    /// The manifest as the last run took it, but for what is given now. Where none has been noted, the plans say which store it was.
    ///
    /// - Parameter given: what flags say now; that stands.
    public static func manifest(_ manifest: Manifest, given: Manifest.Overrides) throws(LedgerError) -> Manifest {
        guard let state = try ConfinedFolder(reading: manifest.state) else { return manifest }
        var manifest = manifest
        let text = try state.read(path, maximumBytes: maximumBytes)
        let last = text.flatMap { try? JSONFile.decode(LastRun.self, from: $0) }
        if given.source == nil {
            let sources: [String]
            if let last { sources = [last.source] } else { sources = try PlanFile.sources(in: state) }
            // It is only compared with that of the plans; what is no URL is nobody's.
            let isPlanned = sources.contains { $0 == (try? StoreURL(manifest.source))?.description }
            if !isPlanned, let source = sources.first, (try? StoreURL(source)) != nil { manifest.source = source }
        }
        if given.output == nil, let output = last?.output, !output.isEmpty {
            manifest.output = AbsolutePath(output, in: manifest.state).text
        }
        return manifest
    }
}
