/// A text that may come from outside, as a terminal or a log shows it.
///
/// Names and messages of stores and files may hold characters that clear the screen, turn the text around or hide a part of it. They are written
/// as `\uXXXX`, which is the same text still where it is JSON.
public enum ShownText {
    /// On one line.
    public static func line(_ text: String) -> String { shown(text, keepsLines: false) }

    /// Its lines as they are.
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

    /// Characters that would break the line, hide, or turn the text around on a terminal.
    public static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
        default: false
        }
    }
}
