/// A text from outside as a message quotes it: on one line, at most 60 characters, nothing invisible.
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
            default: shown += ShownText.isInvisible(scalar) ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
            }
        }
        return shown
    }
}
