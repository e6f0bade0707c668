internal import Codecs
internal import Elements

/// The CRC-32 before a line of a state file: 8 hexadecimal digits and a space.
public enum LineChecksum {
    /// Its length in bytes, with the space.
    public static let byteCount = 9

    public static func digits(of text: some Collection<UInt8>) -> String {
        ByteBuffer(Array(text)).withSpan { Checksum.crc32($0) }.hexadecimal
    }

    /// The line after a right checksum; nil where it is missing or wrong.
    public static func checked(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard line.count >= byteCount, line[line.startIndex + 8] == UInt8(ascii: " ") else { return nil }
        let text = line.dropFirst(byteCount)
        return line.prefix(8).elementsEqual(digits(of: text).utf8) ? text : nil
    }
}

/// JSON objects in the state directory with a checksum as their first member, `"crc32"`. A changed byte is detected, and the text is still
/// a JSON object with all its other members.
public enum SealedJSON {
    private static let opening = Array("{\"crc32\":\"".utf8)
    private static let closing = Array("\",".utf8)

    /// The text with its checksum. A text that is no JSON object with members stays as it is.
    public static func seal(_ text: [UInt8]) -> [UInt8] {
        guard text.count > 2, text.first == UInt8(ascii: "{") else { return text }
        return opening + Array(LineChecksum.digits(of: text).utf8) + closing + text.dropFirst()
    }

    /// The text without its checksum; nil where the checksum is wrong. A text of an earlier version has none, and is returned as it is.
    public static func open(_ text: [UInt8]) -> [UInt8]? {
        guard text.starts(with: opening) else { return text }
        let digits = text.dropFirst(opening.count).prefix(8)
        let rest = text.dropFirst(opening.count + 8)
        guard rest.starts(with: closing) else { return nil }
        let original = [UInt8(ascii: "{")] + rest.dropFirst(closing.count)
        return digits.elementsEqual(LineChecksum.digits(of: original).utf8) ? original : nil
    }
}
