internal import Elements

/// What kind of answer an S3 server has sent.
enum S3XML {
    /// The name of the outermost element, found without parsing; nil where the text is no XML.
    static func rootName(_ bytes: ByteBuffer) -> String? {
        bytes.withUnsafeBytes { text in
            var index = text.startIndex
            while let open = text[index...].firstIndex(of: UInt8(ascii: "<")), open + 1 < text.endIndex {
                switch text[open + 1] {
                case UInt8(ascii: "?"), UInt8(ascii: "!"):
                    guard let close = text[open...].firstIndex(of: UInt8(ascii: ">")) else { return nil }
                    index = close + 1
                default:
                    let name = text[(open + 1)...].prefix {
                        $0 > UInt8(ascii: " ") && $0 != UInt8(ascii: ">") && $0 != UInt8(ascii: "/")
                    }
                    return name.count <= 64 ? String(decoding: name, as: UTF8.self) : nil
                }
            }
            return nil
        }
    }
}
