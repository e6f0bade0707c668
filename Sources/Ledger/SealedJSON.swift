/// JSON objects in the state directory with a checksum as their first member, `"crc32"`: a changed byte is noticed, and the text
/// is still a JSON object with all its other members.
public enum SealedJSON {
    private static let opening = Array("{\"crc32\":\"".utf8)
    private static let closing = Array("\",".utf8)

    /// The text with its checksum; one that is no object with members is left as it is.
    public static func seal(_ text: [UInt8]) -> [UInt8] {
        guard text.count > 2, text.first == UInt8(ascii: "{") else { return text }
        return opening + Array(LineChecksum.digits(of: text).utf8) + closing + text.dropFirst()
    }

    /// The text without its checksum; nil where that does not fit. A text of an earlier version has none, and is taken as it is.
    public static func open(_ text: [UInt8]) -> [UInt8]? {
        guard text.starts(with: opening) else { return text }
        let digits = text.dropFirst(opening.count).prefix(8)
        let rest = text.dropFirst(opening.count + 8)
        guard rest.starts(with: closing) else { return nil }
        let original = [UInt8(ascii: "{")] + rest.dropFirst(closing.count)
        return digits.elementsEqual(LineChecksum.digits(of: original).utf8) ? original : nil
    }
}
