/// Makes untrusted text safe for a terminal or a log.
///
/// Names and messages of stores and files may hold characters that clear the screen, reverse the text or hide a part of it. They are
/// written as `\uXXXX`, which in JSON is still the same text.
public enum ShownText {
    /// The text on one line.
    public static func line(_ text: String) -> String { shown(text, keepsLines: false) }

    /// The text with its line breaks.
    public static func lines(_ text: String) -> String { shown(text, keepsLines: true) }

    private static func shown(_ text: String, keepsLines: Bool) -> String {
        // Nearly all of it is plain.
        guard !text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) else { return text }
        var shown = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": shown += keepsLines ? "\n" : " "
            case "\t" where keepsLines: shown += "\t"
            default:
                guard isInvisible(scalar) else {
                    shown.unicodeScalars.append(scalar)
                    continue
                }
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    shown += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            }
        }
        return shown
    }

    /// Whether a character would break the line, hide text or reverse it on a terminal.
    public static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
        default: false
        }
    }
}
