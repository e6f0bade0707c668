/// A document that a person wrote: mistakes are told with their line, and a key that is given twice is noted.
public struct JSONDocument: Sendable {
    public let value: JSONValue
    /// The first key, by path, that an object has twice.
    public let repeatedKey: RepeatedKey?

    /// A key that an object has twice.
    public struct RepeatedKey: Sendable {
        public let path: JSONPath
        public let first: JSONPlace
        public let second: JSONPlace
    }

    init(value: JSONValue, repeatedKey: RepeatedKey?) {
        self.value = value
        self.repeatedKey = repeatedKey
    }

    /// Reads a text in UTF-8. A number beyond the range of a Double is infinity, so that the reader of the value can refuse it by its path.
    public init(parsing text: [UInt8], maximumDepth: Int) throws(JSONSyntaxError) {
        self = try JSONParser.parse(
            text,
            JSONParser.Options(takesInfinity: true, notesRepeatedKeys: true, maximumDepth: maximumDepth))
    }
}

/// Line and column of a byte in a text, both from 1. Columns count characters (Unicode scalars).
public struct JSONPlace: Sendable, Equatable {
    public let line: Int
    public let column: Int
}

/// What is not JSON in a text, and where.
public struct JSONSyntaxError: Error, Sendable, Equatable, CustomStringConvertible {
    public let found: String
    public let expected: String
    public let place: JSONPlace

    public var description: String {
        "line \(place.line), column \(place.column): found \(found), expected \(expected)"
    }
}
