public import ArgumentParser
import Arrays
public import CropFiles
import Elements
import JSONText

/// `cristae stat PATH…`: attributes and label statistics of any crop files.
struct StatCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stat",
        abstract: "Print what is in HDF5 crop files, ours or not, as JSON: one entry a file.")

    @Argument(help: "HDF5 files, or folders of them (.h5, .hdf5, .hdf).")
    var paths: [String]

    @OptionGroup var options: CropToolOptions

    func run() async throws {
        try await Ending.of {
            let (json, failures) = try await StatVerb(options.settings()).entries(of: paths)
            try StandardOutput.line(ShownText.lines(json.prettyText))
            for failure in failures { StandardError.line("cristae: \(failure)") }
            return failures.isEmpty ? 0 : 1
        }
    }
}

/// What `stat` and `resize` have in common.
struct CropToolOptions: ParsableArguments {
    @Option(help: "nm, z,y,x or one number: the voxel size of files that do not tell theirs.")
    var voxelSize: VoxelSize?

    @Option(help: "The memory to stay within, at least 128MiB.")
    var memory = MemoryOption.standard

    func validate() throws {
        guard memory.bytes >= VerbSettings.leastMemory else {
            throw ValidationError("--memory: expected at least 128MiB, found \(memory.bytes) bytes")
        }
    }

    /// The settings of a verb, which a signal stops.
    func settings() -> VerbSettings {
        let stop = StopSignal()
        SignalWatcher.start(stop)
        return VerbSettings(memory: memory.bytes, voxelSize: voxelSize, stop: stop)
    }
}

extension VoxelSize: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

extension MemoryOption: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
    public var defaultValueDescription: String { description }
}
