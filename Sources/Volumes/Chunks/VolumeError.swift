public import Codecs
internal import JSONText

/// Why metadata or a chunk of a volume cannot be read.
public struct VolumeError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The text does not describe an array (or a multiscale group) at all.
        case notAnArray
        /// A member is missing, has the wrong type, or a value that the format does not allow.
        case badMetadata
        /// Valid, but of a kind this program does not read.
        case unsupported
        /// The bytes of a chunk do not decode to what the metadata promises.
        case corruptChunk
        /// A size beyond the limits, or beyond what an integer holds.
        case tooLarge
    }

    public let code: Code
    /// The metadata file or chunk this is about, as the caller named it.
    public let path: String
    /// The JSON member this is about, such as `compressor.id`; nil for chunks.
    public let key: String?
    /// One line without the path.
    public let message: String
    /// What the codec said, for a chunk.
    public let cause: CodecError?

    public init(_ code: Code, path: String, key: String? = nil, _ message: String, cause: CodecError? = nil) {
        self.code = code
        self.path = path
        self.key = key
        self.message = message
        self.cause = cause
    }

    /// Whether it says that the elements are none of the numbers that are read: strings, objects, structures, complex numbers.
    public var isOfElementType: Bool {
        code == .unsupported && ["dtype", "data_type", "dataType"].contains(key)
    }

    public var description: String {
        let place = Self.printable(path, limit: 1100)
        guard let key else { return "\(place): \(message)" }
        return "\(place): \(key): \(message)"
    }

    /// A text from outside as it may stand in a message: no control characters, at most `limit` characters.
    static func printable(_ text: String, limit: Int = 80) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(limit) {
            let isControl = scalar.properties.generalCategory == .control || scalar.properties.isWhitespace
            result.append(isControl ? " " : scalar)
        }
        return String(result) + (text.unicodeScalars.count > limit ? "…" : "")
    }
}

/// Builds the errors of one metadata file, so that each names file, member, what was expected and what was found.
struct MetadataErrors {
    let path: String

    /// The JSON object that a metadata file holds.
    func object(_ text: [UInt8]) throws(VolumeError) -> JSONValue {
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue(parsing: text)
        } catch {
            throw VolumeError(.badMetadata, path: path, "not JSON: \(VolumeError.printable(error.description))")
        }
        guard json.object != nil else {
            throw VolumeError(.notAnArray, path: path, "expected an object, found \(json.kind)")
        }
        return json
    }

    func bad(_ key: String, expected: String, found: JSONValue?) -> VolumeError {
        VolumeError(.badMetadata, path: path, key: key, "expected \(expected), found \(Self.excerpt(found))")
    }

    func unsupported(_ key: String, _ message: String) -> VolumeError {
        VolumeError(.unsupported, path: path, key: key, message)
    }

    func tooLarge(_ key: String, _ message: String) -> VolumeError {
        VolumeError(.tooLarge, path: path, key: key, message)
    }

    /// A value as it may stand in a message.
    static func excerpt(_ value: JSONValue?) -> String {
        guard let value else { return "nothing" }
        return VolumeError.printable(value.canonicalText)
    }
}
