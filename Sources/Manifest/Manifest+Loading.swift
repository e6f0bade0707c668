public import Foundation
internal import JSONText
internal import Ledger

extension Manifest {
    /// The size of the largest manifest that is read, in bytes. One that names every public crop has a few thousand.
    static let maximumSize = 4 << 20

    /// Reads and checks the manifest in a file. `-` is the standard input; its paths are relative to the current folder. Nothing is written,
    /// and no store is asked.
    ///
    /// - Throws: ``ManifestError`` with the JSON path of the first thing that is wrong, `$` where the file cannot be read.
    public static func load(
        path: String, overrides: Overrides = Overrides(), input: FileHandle = .standardInput
    ) throws(ManifestError) -> Manifest {
        func unreadable(_ found: String) -> ManifestError {
            var error = ManifestError(path: .document, found: found, expected: "a readable JSON file")
            error.file = path
            return error
        }
        if path == "-" {
            var text = Data()
            // A read from a pipe may give less than there is to come.
            while text.count <= maximumSize {
                guard let piece = try? input.read(upToCount: maximumSize + 1 - text.count), !piece.isEmpty else {
                    break
                }
                text += piece
            }
            guard text.count <= maximumSize else { throw unreadable("more than \(maximumSize) bytes") }
            return try Manifest(parsing: Array(text), folder: "", overrides: overrides, name: "standard input")
        }
        let file = AbsolutePath(path)
        guard !path.isEmpty else { throw unreadable("no file of this name") }
        if let kind = RegularFile.otherKind(at: file.text) { throw unreadable(kind) }
        let text: [UInt8]
        do throws(LedgerError) {
            text = try RegularFile.bytes(at: file.text, atMost: maximumSize + 1)
        } catch {
            throw unreadable(
                [ENOENT, ENOTDIR].contains(error.errorNumber)
                    ? "no file of this name" : "a file that cannot be opened or read")
        }
        guard text.count <= maximumSize else { throw unreadable("a file of more than \(maximumSize) bytes") }
        return try Manifest(parsing: text, folder: file.parent.text, overrides: overrides, name: path)
    }

    /// Checks the text of a manifest whose relative paths are seen from `folder`; `name` is what errors call it.
    ///
    /// - Throws: ``ManifestError`` with the JSON path of the first thing that is wrong: unknown keys come before bad
    ///   values, both in the order of their paths.
    public init(
        parsing text: [UInt8], folder: String, overrides: Overrides = Overrides(), name: String = "manifest"
    ) throws(ManifestError) {
        do {
            let document = try Manifest.document(text)
            self = try ManifestParser(document, folder: folder, overrides: overrides).manifest()
        } catch {
            var error = error
            if error.place.isInDocument { error.file = name }
            throw error
        }
    }

    /// The JSON value in a text, in which each key stands once.
    private static func document(_ text: [UInt8]) throws(ManifestError) -> JSONValue {
        guard text.contains(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) else {
            throw ManifestError(path: .document, found: "an empty file", expected: "a JSON object")
        }
        let document: JSONDocument
        do {
            document = try JSONDocument(parsing: text, maximumDepth: 32)
        } catch {
            throw ManifestError(
                path: .document, found: "\(error.found) at line \(error.place.line), column \(error.place.column)",
                expected: error.expected)
        }
        if let key = document.repeatedKey {
            let lines = "lines \(key.first.line) and \(key.second.line)"
            throw ManifestError(path: key.path, found: "the key twice (\(lines))", expected: "each key once")
        }
        return document.value
    }
}
