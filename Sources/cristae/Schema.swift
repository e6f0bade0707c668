import ArgumentParser
import JSONText
import Manifest

/// `cristae schema`: the manifest's JSON Schema.
struct Schema: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the JSON Schema of the manifest.")

    func run() async throws {
        try await Ending.of {
            try StandardOutput.line(Manifest.schema.prettyText)
            return 0
        }
    }
}
