internal import Arrays
internal import Geometry
internal import HDF5
internal import Ledger
public import Manifest
internal import Planning
internal import Threads

/// Brings crop files, ours or not, to a voxel size: what `cristae resize` does.
public struct CropResizing: Sendable {
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

    /// Why nothing was begun: the command line is wrong.
    public struct UsageError: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    private struct Job: Sendable {
        public let input: String
        /// Below the output folder.
        public let name: String
    }

    private let options: Options
    private let settings: CropToolSettings

    public init(_ options: Options, _ settings: CropToolSettings) {
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

    /// Whether the file could be made. Only what ends all work is thrown.
    private func isDone(
        _ job: Job, _ folder: ConfinedFolder, _ report: @Sendable (Event) -> Void
    ) async throws -> Bool {
        do {
            let line = try await settings.read(job.input) { reader, file in
                for note in file.notes + (try await file.paddingNote().map { [$0] } ?? []) {
                    report(.warning("\(job.input): \(note)"))
                }
                var target: Grid?
                _ = try await OutputFile.make(job.name, in: folder, stop: settings.stop) { writer in
                    target = try await resize(file, writer)
                }
                let source = (file.labels.first ?? file.raw)?.grid
                return "\(job.input): \(Self.text(source)) to \(folder.path)/\(job.name): \(Self.text(target))"
            }
            report(.done(line))
            return true
        } catch {
            if settings.stop.isStopped { throw JobError.stopped }
            if Cancellation.isFromOutside(error) { throw error }
            if let ending = JobError(error, settings.stop) { throw ending }
            let reason = "\(error)"
            report(.failed(reason.contains(job.input) ? reason : "\(job.input): \(reason)"))
            return false
        }
    }

    private static func text(_ grid: Grid?) -> String {
        grid.map { "\($0.shape) voxels of \($0.voxelSize) nm" } ?? "nothing"
    }

    private func resize(_ file: CropFile, _ writer: HDF5Writer) async throws -> Grid {
        let resizer = CropResizer(
            options: CropResizer.Options(
                target: options.target.nanometers, gridRule: options.grid, tolerance: options.tolerance,
                maxUpsampling: options.maxUpsampling, wording: .flags, cacheBytes: settings.cacheBytes,
                workBytes: settings.workBytes, heldBytes: settings.heldBytes),
            stop: settings.stop)
        var attributes = Self.storable(file.attributes)
        attributes[GridAttributes.relativeMark] = file.hasTranslation ? nil : .integer(1)
        let infos = Dictionary(file.datasets.map { ($0.path, $0.info) }) { first, _ in first }
        return try await resizer.resize(
            file.datasets.map {
                CropResizer.Input(
                    path: $0.path, isLabel: $0.isLabel, chunks: $0.chunks, grid: $0.grid,
                    covered: $0.covered, unknown: $0.isLabel ? $0.dialect.annotation.unknown : nil,
                    attributes: Self.storable($0.attributes))
            }, fileAttributes: attributes, into: writer
        ) { input, shape in
            guard let info = infos[input.path] else { throw CropFileError("\(input.path) is gone") }
            return Encoding(
                options.compression, elementType: input.chunks.elementType, shape: shape, isLabel: input.isLabel,
                from: info)
        }
    }

    /// An attribute lies in an object's header, which takes less than 64 KiB of each.
    private static func storable(_ attributes: [String: AttributeValue]) -> [String: AttributeValue] {
        attributes.filter { name, value in
            let bytes =
                switch value {
                case .doubles(let numbers): numbers.count * 8
                case .integers(let numbers): numbers.count * 8
                case .floats(let numbers): numbers.count * 4
                case .strings(let texts): texts.count * 16
                default: 16
                }
            return !name.isEmpty && bytes + name.utf8.count < 60_000
        }
    }
}
