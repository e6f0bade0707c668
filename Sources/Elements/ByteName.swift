/// A name, key or path, compared as bytes like stores and file systems do.
///
/// Swift treats two strings as equal if they differ only in how an accent is written (one scalar, or a letter and a combining mark). A
/// slash followed by a combining mark is not equal to a slash. So sets and dictionaries of names use this type, and not `String`.
public struct ByteName: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let text: String

    public init(_ text: some StringProtocol) { self.text = String(text) }

    public var description: String { text }

    public static func == (a: ByteName, b: ByteName) -> Bool { a.text.hasSameBytes(as: b.text) }

    public static func < (a: ByteName, b: ByteName) -> Bool { a.text.utf8.lexicographicallyPrecedes(b.text.utf8) }

    public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(UInt8(0xFF))
    }
}

extension StringProtocol {
    /// Whether both are the same name, byte for byte.
    public func hasSameBytes(as other: some StringProtocol) -> Bool { utf8.elementsEqual(other.utf8) }

    public func hasBytePrefix(_ prefix: some StringProtocol) -> Bool { utf8.starts(with: prefix.utf8) }

    public func hasByteSuffix(_ suffix: some StringProtocol) -> Bool {
        utf8.reversed().starts(with: suffix.utf8.reversed())
    }

    /// Whether one of the bytes is an ASCII character.
    public func hasByte(_ character: Unicode.Scalar) -> Bool { utf8.contains(UInt8(ascii: character)) }

    /// The text after the first `count` bytes, which must end with a whole scalar.
    public func droppingBytes(_ count: Int) -> String { String(decoding: utf8.dropFirst(count), as: UTF8.self) }

    /// The parts between the slashes.
    ///
    /// - Parameter keepingEmpty: whether `a//b` has an empty part.
    public func pathComponents(keepingEmpty: Bool = false) -> [String] {
        utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: !keepingEmpty).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// The longest prefix of at most `count` bytes that ends with a whole scalar.
    public func bytePrefix(_ count: Int) -> String {
        let bytes = Array(utf8)
        guard bytes.count > count else { return String(self) }
        // The other bytes of a scalar are 10xxxxxx.
        var end = count
        while end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }
}

extension Sequence<String> {
    /// Whether a name is in the sequence, byte for byte.
    public func hasName(_ name: some StringProtocol) -> Bool { contains { $0.hasSameBytes(as: name) } }

    /// In the order of their bytes.
    public func sortedByBytes() -> [String] { sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }

    /// Each name once, in the order of their bytes.
    public func distinctNames() -> [String] { Set(map { ByteName($0) }).sorted().map(\.text) }
}
