public import Elements
internal import Foundation
public import JSONText
internal import Ledger

/// A `provenance.json`, read to be compared with another.
public struct ProvenanceFile: Sendable {
    private static let maximumBytes = 1 << 30

    /// The path that was given.
    public let path: String
    public let version: JSONValue
    let commit: JSONValue
    public let manifest: [String: JSONValue]
    public let items: [ByteName: JSONValue]

    /// - Parameter path: of the file, of the folder `txt` that it is in, or of an output folder. Blocks.
    /// - Throws: ``ProvenanceError`` where there is none, or it is none.
    public init(at path: String) throws {
        var isFolder: ObjCBool = false
        var file = path
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
            let places = ["\(path)/\(Provenance.path)", "\(path)/provenance.json"]
            guard let found = places.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
                throw ProvenanceError(
                    path: path, reason: "there is no txt/provenance.json and no provenance.json in it")
            }
            file = found
        }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: try RegularFile.bytes(at: file, atMost: Self.maximumBytes))
        } catch {
            // Some errors name the file themselves.
            let (text, name) = ("\(error)", "\(file): ")
            throw ProvenanceError(
                path: file, reason: text.hasBytePrefix(name) ? text.droppingBytes(name.utf8.count) : text)
        }
        try self.init(value, path: path)
    }

    public init(_ value: JSONValue, path: String) throws(ProvenanceError) {
        guard let manifest = value["manifest"]?.object, let items = value["items"]?.array,
            let version = value["version"]
        else {
            throw ProvenanceError(path: path, reason: "it has no version, manifest and items: it is no provenance.json")
        }
        self.path = path
        self.version = version
        commit = value["commit"] ?? .null
        self.manifest = manifest
        var named: [ByteName: JSONValue] = [:]
        for item in items {
            guard let name = item["name"]?.string, named.updateValue(item, forKey: ByteName(name)) == nil else {
                throw ProvenanceError(path: path, reason: "an item has no name, or that of another one")
            }
        }
        self.items = named
    }
}

/// A file that cannot be compared.
public struct ProvenanceError: Error, CustomStringConvertible {
    public let path: String
    public let reason: String

    public var description: String { "\(path): \(reason)" }
}
