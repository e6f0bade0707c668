internal import Elements

/// The rules for names that come from outside or go into a URL.
package enum ObjectKey {
    /// Longest key of S3, in bytes.
    static let maximumBytes = 1024

    /// Checks a key before anything is sent.
    ///
    /// - Throws: ``StoreError/Code/badKey`` for a key which is empty or too long, starts with a slash, or has an empty,
    ///   `.` or `..` component or a control character.
    package static func check(_ key: String, in url: StoreURL) throws(StoreError) {
        guard key.utf8.count <= maximumBytes else {
            throw StoreError(
                .badKey, url: url.url(of: String(key.unicodeScalars.prefix(80))),
                message: "a key of \(key.utf8.count) bytes; at most \(maximumBytes) are allowed")
        }
        guard !isPlain(key) else { return }
        for component in key.pathComponents(keepingEmpty: true) where !isName(component) {
            throw StoreError(
                .badKey, url: url.description,
                message: "the key \"\(key)\" has the component \"\(component)\", which no object may have")
        }
    }

    /// Whether the fast check is enough: printable ASCII, and no component that is empty or begins with a dot.
    private static func isPlain(_ key: String) -> Bool {
        var last = UInt8(ascii: "/")
        for byte in key.utf8 {
            let isStart = last == UInt8(ascii: "/")
            guard byte > 0x20, byte < 0x7F, !isStart || (byte != UInt8(ascii: "/") && byte != UInt8(ascii: ".")) else {
                return false
            }
            last = byte
        }
        return last != UInt8(ascii: "/")
    }

    /// Checks the name of a folder; "" is the root.
    package static func checkFolder(_ prefix: String, in url: StoreURL) throws(StoreError) {
        guard !prefix.isEmpty else { return }
        try check(prefix, in: url)
    }

    /// Whether the text can be one component of a key.
    static func isName(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text != "." && text != ".." && !text.utf8.contains(slash)
            && !text.unicodeScalars.contains(where: isControl)
    }

    // MARK: Bytes
    //
    // Names are bytes. Swift's `String` compares and splits by characters: "/" followed by a combining accent is not "/", and "é" equals "e"
    // followed by one.

    static let slash = UInt8(ascii: "/")

    /// What follows `prefix`; nil where the key does not begin with it.
    static func rest(of key: some StringProtocol, after prefix: some StringProtocol) -> Substring? {
        guard key.utf8.starts(with: prefix.utf8) else { return nil }
        return Substring(Substring(key).utf8.dropFirst(prefix.utf8.count))
    }

    /// The first component, and whether there are more.
    static func firstComponent(of key: Substring) -> (name: Substring, isAll: Bool) {
        guard let end = key.utf8.firstIndex(of: slash) else { return (key, true) }
        return (key[..<end], false)
    }

    /// C0, DEL, C1, and the line and paragraph separators: no name has them.
    static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || (0x2028...0x2029).contains(scalar.value)
    }

    /// `prefix/key`, without a slash where one of them is empty.
    package static func join(_ prefix: String, _ key: String) -> String {
        if prefix.isEmpty { return key }
        return key.isEmpty ? prefix : "\(prefix)/\(key)"
    }

    /// RFC 3986 percent encoding as AWS signs it: everything but `A-Z a-z 0-9 - . _ ~` becomes `%XX` with upper-case
    /// digits; slashes stay where `keepingSlashes` says so.
    static func percentEncode(_ text: String, keepingSlashes: Bool) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            case UInt8(ascii: "/") where keepingSlashes:
                bytes.append(byte)
            default:
                bytes.append(UInt8(ascii: "%"))
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Decodes percent encoding. With `plusIsSpace`, "+" is a space, as in forms and in S3 listings of `encoding-type=url`.
    ///
    /// - Returns: nil where a `%` is not followed by two digits, or the result is not UTF-8.
    static func percentDecode(_ text: some StringProtocol, plusIsSpace: Bool) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            if byte == UInt8(ascii: "+"), plusIsSpace {
                bytes.append(UInt8(ascii: " "))
            } else if byte == UInt8(ascii: "%") {
                guard let high = rest.next().flatMap(hexadecimal), let low = rest.next().flatMap(hexadecimal) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            } else {
                bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    static func hexadecimal(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
