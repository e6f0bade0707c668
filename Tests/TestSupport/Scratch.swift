package import Foundation

/// A new folder for the files of a test. It is removed together with its owner.
package final class Scratch: Sendable {
    package let path: String

    package var url: URL { URL(filePath: path, directoryHint: .isDirectory) }

    /// Stops the tests where no folder can be made: nothing can be tested then.
    package init() {
        var name = Array("\(FileManager.default.temporaryDirectory.path)/cristae-XXXXXX".utf8CString)
        guard mkdtemp(&name) != nil else { fatalError("mkdtemp: \(String(cString: strerror(errno)))") }
        path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a file in the folder.
    package func file(_ name: String) -> String { "\(path)/\(name)" }

    package func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: file(name)))) }

    /// Writes a file and makes the folders above it.
    package func write(_ bytes: [UInt8], to name: String) throws {
        let url = URL(filePath: file(name))
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }
}
