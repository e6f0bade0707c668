internal import Elements
internal import Foundation
internal import XMLCoder

/// Reads the XML that S3 servers send, which is hostile until proven otherwise.
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

    /// Decodes a document; nil for anything malformed. Documents with a DTD are refused: entities of their own are how
    /// small texts become large ones.
    static func decode<T: Decodable>(_ type: T.Type, from bytes: ByteBuffer) -> T? {
        let data = bytes.withUnsafeBytes { Data($0) }
        guard data.range(of: Data("<!DOCTYPE".utf8)) == nil, data.range(of: Data("<!ENTITY".utf8)) == nil else {
            return nil
        }
        let decoder = XMLDecoder(trimValueWhitespaces: false, removeWhitespaceElements: true)
        return try? decoder.decode(type, from: data)
    }
}
