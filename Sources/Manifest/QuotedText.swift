import Elements
public import JSONText

/// A text from outside as a message shows it: in quotes, on one line, at most 60 characters, nothing invisible.
public struct QuotedText: CustomStringConvertible {
    /// Characters (Unicode scalars) of a value that a message shows.
    public static let limit = 60

    public let description: String

    public init(_ text: String) {
        description = "\"\(QuotedText.escaped(text, limit: QuotedText.limit))\""
    }

    /// `text` with control, formatting and separating characters escaped, cut after `limit` characters.
    public static func escaped(_ text: String, limit: Int = .max) -> String {
        var shown = ""
        for (count, scalar) in text.unicodeScalars.enumerated() {
            guard count < limit else { return shown + "…" }
            switch scalar {
            case "\"", "\\": shown += "\\\(scalar)"
            case "\n": shown += "\\n"
            case "\r": shown += "\\r"
            case "\t": shown += "\\t"
            default: shown += isInvisible(scalar) ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
            }
        }
        return shown
    }

    /// Characters that would break the line, hide, or turn the text around on a terminal.
    static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        ShownText.isInvisible(scalar)
    }
}

extension JSONValue {
    /// The value as a message shows it: scalars as they are, containers by their size.
    public var shown: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .unsigned(let value): "\(value)"
        case .number(let value): Int(exactly: value).map { "\($0)" } ?? "\(value)"
        case .string(let value): "\(QuotedText(value))"
        case .array(let values): values.isEmpty ? "an empty array" : "an array of \(values.count)"
        case .object(let members): members.isEmpty ? "an empty object" : "an object"
        }
    }
}
