internal import Foundation

/// Why a text is not JSON.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One line, with the position where the parser knows it.
    public let description: String

    public init(_ description: String) { self.description = description }
}

extension JSONValue: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .integer(value)
        } else if let value = try? container.decode(UInt64.self) {
            self = .unsigned(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .unsigned(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}

extension JSONValue {
    /// Reads one JSON document (RFC 8259) in UTF-8. Objects and arrays may lie 256 deep in each other; of members with the same key the
    /// last one stands.
    ///
    /// - Throws: ``JSONError`` with one line that says what is wrong and where.
    public init(parsing text: some Sequence<UInt8>) throws(JSONError) {
        try self.init(Array(text), JSONParser.Options())
    }

    /// The same, but each number that is written with a point or an exponent is ``number(_:)``: in ``init(parsing:)`` `8.0` is
    /// ``integer(_:)``.
    public init(parsingWithFloats text: [UInt8]) throws(JSONError) {
        try self.init(text, JSONParser.Options(keepsFloats: true))
    }

    private init(_ text: [UInt8], _ options: JSONParser.Options) throws(JSONError) {
        do {
            self = try JSONParser.parse(text, options).value
        } catch {
            throw JSONError("\(error)")
        }
    }

    /// The canonical form: sorted keys, no white space, slashes as they are. Equal values have equal texts, which is
    /// what fingerprints are made from.
    ///
    /// Infinite and NaN numbers have no JSON form; they become `null`.
    public var canonicalText: String { text(pretty: false) }

    /// The same with line breaks and two spaces a level, for files that people read.
    public var prettyText: String { text(pretty: true) }

    /// An object as ``prettyText``, with one more member at its end: an array of JSON texts, which stay as they are, one a line.
    public func prettyText(adding name: String, lines: [String]) -> String {
        let array = lines.isEmpty ? "[]" : "[\n    \(lines.joined(separator: ",\n    "))\n  ]"
        // The object's last line closes it.
        return "\(prettyText.dropLast(2)),\n  \"\(name)\" : \(array)\n}"
    }

    private func text(pretty: Bool) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
        guard let data = try? encoder.encode(finite) else { return "null" }
        return String(decoding: data, as: UTF8.self)
    }

    private var finite: JSONValue {
        switch self {
        case .number(let value): value.isFinite ? self : .null
        case .array(let values): .array(values.map(\.finite))
        case .object(let values): .object(values.mapValues(\.finite))
        default: self
        }
    }

    /// Any Codable value as a JSON value.
    public init(encoding value: some Encodable) throws(JSONError) {
        try self.init(parsing: JSONFile.encode(value))
    }

    /// This JSON value as a Codable type.
    public func decode<T: Decodable>(_ type: T.Type) throws(JSONError) -> T {
        try JSONFile.decode(type, from: Array(canonicalText.utf8))
    }
}
