import Foundation

/// The files of a folder such as `Sources`: one folder a target, Swift files below it.
struct SourceTree {
    struct File {
        /// The path below the root: `Target/Folder/Name.swift`.
        let path: String
        let text: [UInt8]

        var target: String { path.split(separator: "/").first.map(String.init) ?? "" }
        /// The folder inside the target; empty at its root.
        var folder: String { path.split(separator: "/").dropFirst().dropLast().joined(separator: "/") }
        var isSwift: Bool { path.hasSuffix(".swift") }
        var lineCount: Int { text.count { $0 == UInt8(ascii: "\n") } }
        var lines: [String] {
            text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
                String(decoding: $0, as: UTF8.self)
            }
        }
    }

    let files: [File]

    /// Reads all files below a folder.
    init(reading folder: URL) throws {
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
        files = try names.compactMap { name in
            var isFolder: ObjCBool = false
            let url = folder.appending(path: name)
            guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), !isFolder.boolValue else {
                return nil
            }
            return File(path: name, text: [UInt8](try Data(contentsOf: url)))
        }
    }

    /// A made-up tree.
    init(_ files: [String: String]) {
        self.files = files.sorted { $0.key < $1.key }.map { File(path: $0.key, text: Array($0.value.utf8)) }
    }

    var swiftFiles: [File] { files.filter(\.isSwift) }

    /// The names of all targets with Swift files.
    var targets: [String] { Set(swiftFiles.map(\.target)).sorted() }

    // MARK: Sizes

    /// The targets that have more lines than `limit`.
    func targets(above limit: Int) -> [String] {
        let lines = Dictionary(grouping: swiftFiles, by: \.target).mapValues { $0.reduce(0) { $0 + $1.lineCount } }
        return lines.filter { $0.value > limit }.map { "\($0.key) has \($0.value) lines" }.sorted()
    }

    /// The files that have more lines than `limit`.
    func files(above limit: Int) -> [String] {
        swiftFiles.filter { $0.lineCount > limit }.map { "\($0.path) has \($0.lineCount) lines" }
    }

    // MARK: C modules

    /// The modules of C that are not imported by exactly one target.
    var sharedModules: [String] {
        // What lies beside the targets is none.
        let modules = Set(files.filter { $0.path.contains("/") }.map(\.target)).subtracting(targets)
        var importers = Dictionary(uniqueKeysWithValues: modules.map { ($0, Set<String>()) })
        for file in swiftFiles {
            for line in file.lines {
                guard let module = Self.importedModule(line), modules.contains(module) else { continue }
                importers[module, default: []].insert(file.target)
            }
        }
        return importers.filter { $0.value.count != 1 }.map {
            "\($0.key) is imported by \($0.value.isEmpty ? "no target" : $0.value.sorted().joined(separator: ", "))"
        }.sorted()
    }

    /// What `internal import CZstd` and the like import; nil for any other line.
    static func importedModule(_ line: String) -> String? {
        let words = line.split(separator: " ")
        guard let position = words.prefix(3).firstIndex(of: "import"), position + 1 < words.count,
            words[..<position].allSatisfy({ $0.first == "@" || importLevels.contains($0) })
        else { return nil }
        return words[position + 1].split(separator: ".").first.map(String.init)
    }

    private static let importLevels: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
}
