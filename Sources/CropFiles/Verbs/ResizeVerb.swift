internal import Arrays
internal import Geometry
internal import HDF5
internal import Ledger
public import Manifest
internal import Planning
internal import Threads

/// What `cristae resize` does: brings crop files, ours or not, to a voxel size.
public struct ResizeVerb: Sendable {
    public struct Options: Sendable {
        public var target: VoxelSize
        public var grid = Manifest.Resize.GridRule.exact
        public var tolerance = 0.4
        public var maxUpsampling = 2.0
        public var compression = Manifest.Convert.Compression.gzip

        public init(target: VoxelSize) { self.target = target }
    }

    /// What there is to say about a file, one line each.
    public enum Event: Sendable {
        case warning(String)
        case done(String)
        case failed(String)
    }

    /// A fault of the command line, found before anything is written.
    public struct UsageError: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    private struct Job: Sendable {
        let input: String
        /// Below the output folder.
        let name: String
    }

    private let options: Options
    private let settings: VerbSettings

    public init(_ options: Options, _ settings: VerbSettings) {
        self.options = options
        self.settings = settings
    }

    /// Resizes a file, or all HDF5 files in a folder. Each output appears whole or not at all, in place of one of that name.
    ///
    /// - Parameters:
    ///   - output: a folder, or for a single file also the path of the file to be made.
    ///   - report: called once for each file that is done or has failed, and for warnings, from any thread.
    /// - Returns: how many files have failed.
    /// - Throws: ``UsageError``; ``JobError`` `.cannotWrite` and `.stopped`, after which the files that are done stay.
    public func run(input: String, output: String, report: @escaping @Sendable (Event) -> Void) async throws -> Int {
        let files: [String]
        do throws(CropFileError) {
            files = try CropFilePaths.files(at: input)
        } catch {
            report(.failed(error.description))
            return 1
        }
        let isFolder = CropFilePaths.isFolder(input)
        let intoFolder = isFolder || output.hasSuffix("/") || CropFilePaths.isFolder(output)
        if isFolder, CropFilePaths.Identity(output) != nil, !CropFilePaths.isFolder(output) {
            throw UsageError(description: "\(input) is a folder, \(output) is a file")
        }
        let folderPath = intoFolder ? output : Self.parent(of: output)
        let jobs = files.map { Job(input: $0, name: CropFilePaths.name(of: intoFolder ? $0 : output)) }
        let inputs = Set(files.compactMap { CropFilePaths.Identity($0) })
        for job in jobs {
            let path = "\(folderPath)/\(job.name)"
            if let identity = CropFilePaths.Identity(path), inputs.contains(identity) {
                throw UsageError(description: "\(path) is an input: it would be written over")
            }
        }
        let folder = try await Self.open(folderPath)
        var failed = 0
        try await inOrder(count: jobs.count, width: settings.width) { number -> Bool in
            try await isDone(jobs[number], folder, report)
        } consume: { _, isDone in
            if !isDone { failed += 1 }
        }
        return failed
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func open(_ path: String) async throws -> ConfinedFolder {
        do {
            return try await ThreadPool.files.run { () throws(LedgerError) in try ConfinedFolder(creating: path) }
        } catch {
            throw JobError.cannotWrite(error.description)
        }
    }

    /// Returns whether the file was made. Throws only what ends all work.
    private func isDone(
        _ job: Job, _ folder: ConfinedFolder, _ report: @Sendable (Event) -> Void
    ) async throws -> Bool {
        do {
            let line = try await settings.read(job.input) { file in
                for note in file.notes { report(.warning("\(job.input): \(note)")) }
                let plan = try plan(file)
                _ = try await OutputFile.make(job.name, in: folder, stop: settings.stop) { writer in
                    try await plan.write(to: writer, stop: settings.stop)
                }
                return
                    "\(job.input): \(Self.text(file.reference?.grid)) to \(folder.path)/\(job.name): \(Self.text(plan.grid))"
            }
            report(.done(line))
            return true
        } catch {
            let reason = try settings.reason(error)
            if let ending = JobError(error, settings.stop) { throw ending }
            report(.failed(VerbSettings.line(reason, job.input)))
            return false
        }
    }

    private static func text(_ grid: Grid?) -> String {
        grid.map { "\($0.shape) voxels of \($0.voxelSize) nm" } ?? "nothing"
    }

    private func plan(_ file: VoxelFile) throws -> ResizePlan {
        let limit = UpsamplingLimit(
            target: options.target.nanometers, gridRule: options.grid, tolerance: options.tolerance,
            largest: options.maxUpsampling, wording: .flags)
        return try ResizePlan(
            file,
            ResizePlan.Settings(
                limit, cacheBytes: settings.cacheBytes, workBytes: settings.workBytes, heldBytes: settings.heldBytes)
        ) { dataset, shape in
            Encoding(
                options.compression, elementType: dataset.chunks.elementType, shape: shape, isLabel: dataset.isLabel,
                from: dataset.info)
        }
    }
}
