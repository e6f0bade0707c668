internal import Foundation

/// JSON documents of our own types: plans and records. Keys are sorted, so equal values have equal texts.
public enum JSONFile {
    /// - Throws: ``JSONError`` where the type cannot be written as JSON.
    public static func encode(_ value: some Encodable, pretty: Bool = false) throws(JSONError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
        do {
            return Array(try encoder.encode(value))
        } catch {
            throw JSONError("\(error)".replacing("\n", with: " "))
        }
    }

    /// - Throws: ``JSONError`` where the text is not JSON, or not of this type.
    public static func decode<T: Decodable>(_ type: T.Type, from text: [UInt8]) throws(JSONError) -> T {
        do {
            return try JSONDecoder().decode(type, from: Data(text))
        } catch {
            throw JSONError("\(error)".replacing("\n", with: " "))
        }
    }
}
