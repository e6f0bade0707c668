import ArgumentParser
import Elements
import JSONText
import Summaries

/// `cristae diff A B`: what differs between two provenance files, and why.
struct Diff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print what differs between two txt/provenance.json, and why: source, manifest or version.",
        discussion: "Exit codes: 0 equal, 1 different, 78 where one of them cannot be read.")

    @Argument(help: "A provenance.json, or the output folder or folder txt that it is in.")
    var a: String

    @Argument(help: "Another one.")
    var b: String

    @Flag(help: "As JSON.")
    var json = false

    func run() async throws {
        try await Ending.of {
            let difference = ProvenanceDifference(try ProvenanceFile(at: a), try ProvenanceFile(at: b))
            let text = json ? difference.json.prettyText : difference.lines.map(ShownText.line).joined(separator: "\n")
            try StandardOutput.line(ShownText.lines(text))
            return difference.isEmpty ? 0 : 1
        }
    }
}
