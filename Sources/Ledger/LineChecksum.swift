internal import Codecs
internal import Elements

/// The CRC-32 before a line of a state file: 8 hexadecimal digits and a space.
public enum LineChecksum {
    /// Bytes that it takes before the line.
    public static let byteCount = 9

    public static func digits(of text: some Collection<UInt8>) -> String {
        ByteBuffer(Array(text)).withSpan { Checksum.crc32($0) }.hexadecimal
    }

    /// What stands behind the checksum; nil where there is none, or it does not fit.
    public static func checked(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard line.count >= byteCount, line[line.startIndex + 8] == UInt8(ascii: " ") else { return nil }
        let text = line.dropFirst(byteCount)
        return line.prefix(8).elementsEqual(digits(of: text).utf8) ? text : nil
    }
}
