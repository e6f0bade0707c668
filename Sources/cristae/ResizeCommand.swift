public import ArgumentParser
import CropFiles
import Manifest

/// `cristae resize IN OUT --target 8`: crop files of anybody's to one voxel size.
struct ResizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resize",
        abstract: "Bring HDF5 crop files, ours or not, to a voxel size: raw data by mean, labels by majority.",
        discussion: """
            Exit codes: 0 all done; 1 some files failed, the others are done; 64 usage; 74 OUT cannot be written; 75 stopped. IN is never \
            changed; each file of OUT appears whole or not at all.
            """)

    @Argument(help: "A crop file, or a folder of them (.h5, .hdf5, .hdf).")
    var input: String

    @Argument(help: "The file to make, or the folder to make them in; what is there already is replaced.")
    var output: String

    @Option(help: "nm per voxel: 8, or z,y,x.")
    var target: VoxelSize

    @Option(help: "What becomes of raw data: area, the mean over the exact overlap.")
    var raw = Manifest.Resize.RawRule.area

    @Option(help: "What becomes of labels: majority, the value with the largest overlap.")
    var labels = Manifest.Resize.LabelRule.majority

    @Option(help: "exact: voxels of the target size; power_of_two: only factors of 2, near the target.")
    var grid = Manifest.Resize.GridRule.exact

    @Option(help: "Of power_of_two: how far below the target, as a fraction of it, a voxel may stay.")
    var tolerance = 0.4

    @Option(help: "A file that needs more upsampling on an axis is not made: its voxels would mostly be made up.")
    var maxUpsampling = 2.0

    @Option(help: "gzip, zstd, blosc, none, or source: what the dataset had.")
    var compression = Manifest.Convert.Compression.gzip

    @OptionGroup var options: CropToolOptions

    func validate() throws {
        guard (0..<1).contains(tolerance) else {
            throw ValidationError("--tolerance: expected a number from 0 to below 1, found \(tolerance)")
        }
        guard (1...1000).contains(maxUpsampling) else {
            throw ValidationError("--max-upsampling: expected a number from 1 to 1000, found \(maxUpsampling)")
        }
    }

    func run() async throws {
        try await Ending.of {
            var rules = ResizeVerb.Options(target: target)
            rules.grid = grid
            rules.tolerance = tolerance
            rules.maxUpsampling = maxUpsampling
            rules.compression = compression
            do {
                let failed = try await ResizeVerb(rules, options.settings()).run(input: input, output: output) {
                    event in
                    switch event {
                    case .warning(let line): StandardError.line("warning: \(line)")
                    case .done(let line): StandardError.line(line)
                    case .failed(let line): StandardError.line("cristae: \(line)")
                    }
                }
                return failed == 0 ? 0 : 1
            } catch let error as ResizeVerb.UsageError {
                StandardError.line("cristae: \(error)")
                return 64
            }
        }
    }
}

extension Manifest.Resize.RawRule: ExpressibleByArgument {}
extension Manifest.Resize.LabelRule: ExpressibleByArgument {}
extension Manifest.Resize.GridRule: ExpressibleByArgument {}
extension Manifest.Convert.Compression: ExpressibleByArgument {}
