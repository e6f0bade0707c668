import Elements
import Foundation
internal import JSONText

/// An absolute path of the file system without `.`, `..`, `//` and a slash at the end.
///
/// The file system is not asked: `..` removes the name before it, even where that is a link.
public struct AbsolutePath: Sendable, Hashable {
    public let components: [String]

    /// `text` relative to `folder`, which is relative to the current directory.
    public init(_ text: String, in folder: String) {
        var components: [String] = []
        for part in [FileManager.default.currentDirectoryPath, folder, text] {
            if part.hasBytePrefix("/") { components = [] }
            for component in part.pathComponents() where component != "." {
                if component == ".." { _ = components.popLast() } else { components.append(component) }
            }
        }
        self.components = components
    }

    public init(_ text: String) { self.init(text, in: "") }

    public var text: String { "/" + components.joined(separator: "/") }

    /// The folder that it lies in; the root's is the root.
    public var parent: AbsolutePath { AbsolutePath(components: components.dropLast()) }

    /// Whether the two are the same, or this one lies within `other`.
    func isWithin(_ other: AbsolutePath) -> Bool {
        components.starts(with: other.components) { $0.hasSameBytes(as: $1) }
    }

    /// The text for a file in `folder`: relative where the two have more than the root in common. Reading it there gives the same path.
    public func written(relativeTo folder: AbsolutePath) -> String {
        let shared = zip(components, folder.components).prefix { $0.hasSameBytes(as: $1) }.count
        guard shared > 0 else { return text }
        let up = Array(repeating: "..", count: folder.components.count - shared)
        let parts = up + components[shared...]
        guard let first = parts.first else { return "." }
        return AbsolutePath.isExpandable(first) ? "./" + parts.joined(separator: "/") : parts.joined(separator: "/")
    }

    /// The path with links resolved in the part of it that exists.
    var followingLinks: AbsolutePath {
        var existing = self
        while true {
            if let resolved = realpath(existing.text, nil) {
                defer { free(resolved) }
                let found = AbsolutePath(String(cString: resolved))
                return AbsolutePath(components: found.components + components[existing.components.count...])
            }
            guard !existing.components.isEmpty else { return self }
            existing = existing.parent
        }
    }

    /// Whether there is a regular file, links followed.
    var isRegularFile: Bool {
        var status = stat()
        return stat(text, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Whether a shell would expand a path that begins with this name.
    static func isExpandable(_ name: some StringProtocol) -> Bool { name.hasBytePrefix("~") || name.hasBytePrefix("$") }

    private init(components: some Sequence<String>) { self.components = Array(components) }
}

extension ManifestValue where T == String {
    /// A path of the file system, relative to the folder of the manifest.
    static func path(_ what: String) -> Self {
        Self(
            ["type": "string", "minLength": 1, "maxLength": 4095],
            write: { text, folder in
                .string(text.hasBytePrefix("/") ? AbsolutePath(text).written(relativeTo: folder) : text)
            }
        ) { (value, path, reading) throws(ManifestError) in
            guard let text = value.string, !text.isEmpty else { throw ManifestError(value, path, what) }
            try AbsolutePath.check(text, path, what)
            return AbsolutePath(text, in: reading.folder).text
        }
    }

    /// The path of a to-download list.
    static var downloadList: Self {
        let file = path("the path of a to-download list")
        let schema = file.schema.merging(["description": "The path of a list that exists."]) { $1 }
        return Self(schema, write: file.write) { (value, path, reading) throws(ManifestError) in
            let text = try file.read(value, path, reading)
            guard AbsolutePath(text).isRegularFile else {
                throw ManifestError(value, path, "the path of a file that exists")
            }
            return text
        }
    }
}

extension AbsolutePath {
    /// The rules for every path in the manifest.
    static func check(_ text: String, _ path: JSONPath, _ what: String) throws(ManifestError) {
        func refuse(_ reason: String) -> ManifestError {
            ManifestError(path: path, found: "\(QuotedText(text))", expected: "\(what)\(reason)")
        }
        guard !text.unicodeScalars.contains(where: ShownText.isInvisible) else {
            throw refuse(" without control characters")
        }
        guard !isExpandable(text) else { throw refuse(", written out: \"~\" and variables are not expanded here") }
        guard !text.contains("://") else { throw refuse(", not a URL") }
        guard text.utf8.count < 4096, text.pathComponents().allSatisfy({ $0.utf8.count <= 255 }) else {
            throw refuse(" of at most 4095 bytes, each name of at most 255")
        }
    }
}
