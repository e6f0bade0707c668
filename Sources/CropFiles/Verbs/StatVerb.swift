internal import Arrays
public import JSONText
internal import Threads

/// What `cristae stat` does: the statistics of crop files, ours or not.
public struct StatVerb: Sendable {
    private let settings: VerbSettings

    public init(_ settings: VerbSettings) { self.settings = settings }

    /// One entry for each file, in the order of the paths. A folder stands for its HDF5 files, by name. A file that cannot be read has an
    /// entry with `error`.
    ///
    /// - Returns: the entries as a JSON array, and the errors, one line each.
    /// - Throws: ``JobError/stopped``.
    public func entries(of paths: [String]) async throws -> (json: JSONValue, failures: [String]) {
        var failures: [String] = []
        var files: [String] = []
        for path in paths {
            do throws(CropFileError) {
                files += try CropFilePaths.files(at: path)
            } catch {
                failures.append(error.description)
            }
        }
        var entries: [JSONValue] = []
        let all = files
        try await inOrder(count: all.count, width: settings.width) { number in
            try await entry(of: all[number])
        } consume: { _, result in
            entries.append(result.json)
            if let failure = result.failure { failures.append(failure) }
        }
        return (.array(entries), failures)
    }

    private func entry(of path: String) async throws -> (json: JSONValue, failure: String?) {
        let name = CropFilePaths.name(of: path)
        do {
            let entry = try await settings.read(path) { file in
                try await FileStatistics(stop: settings.stop, workBytes: settings.workBytes).entry(name, of: file)
            }
            var values = entry.object ?? [:]
            values["file"] = .string(path)
            return (.object(values), nil)
        } catch {
            let reason = try settings.reason(error)
            let json: JSONValue = ["name": .string(name), "file": .string(path), "error": .string(reason)]
            return (json, VerbSettings.line(reason, path))
        }
    }
}
