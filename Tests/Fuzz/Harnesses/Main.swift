import Foundation

/// libFuzzer as a library: it calls `test` with one input after another, until it finds something or its time is over.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// `fuzz --harness=NAME [libFuzzer's arguments]` fuzzes, `fuzz --harness=NAME --seeds=FOLDER --fixtures=FOLDER` writes the seeds
/// of the corpus, `fuzz --list` names the harnesses. libFuzzer ignores arguments with two hyphens.
@main struct Main {
    private static let all: [any Harness] = [
        ZarrV2Harness(), ZarrV3Harness(), N5MetadataHarness(), ConsolidatedHarness(), N5BlockHarness(), ShardHarness(),
        DecoderHarness.blosc, DecoderHarness.zstd, DecoderHarness.lz4, DecoderHarness.others, EncoderHarness(),
        ZipHarness(),
    ]
    private static let harness = all.first { $0.name == value(of: "--harness") }

    private static func value(of option: String) -> String? {
        CommandLine.arguments.first { $0.hasPrefix("\(option)=") }.map { String($0.dropFirst(option.count + 1)) }
    }

    static func main() throws {
        if CommandLine.arguments.contains("--list") {
            for harness in all { print(harness.name) }
            return
        }
        guard let harness else { fatalError("no such harness: \(value(of: "--harness") ?? "none")") }
        if let folder = value(of: "--seeds") {
            let fixtures = Fixtures(folder: value(of: "--fixtures") ?? "")
            for (number, seed) in harness.seeds(fixtures).enumerated() where seed.count <= Fixtures.maximumByteCount {
                try Data(seed).write(to: URL(fileURLWithPath: "\(folder)/seed-\(number)"))
            }
            return
        }
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        exit(
            runDriver(&count, &arguments) { bytes, count in
                Main.harness?.run(UnsafeRawBufferPointer(start: bytes, count: count))
                return 0
            })
    }
}
