internal import HDF5
internal import JSONText

/// JSON attributes as HDF5 attributes.
///
/// Strings, numbers and lists of one kind of them become their HDF5 counterparts, booleans the integers 0 and 1. What HDF5 has no
/// form for (null, objects, mixed, nested and empty lists, lists too long for an attribute, texts with zero bytes) becomes its JSON text.
enum AttributeConversion {
    /// An array in an object's header has less than 64 KiB, and a string in it 16 bytes; far below that are half of them.
    private static let maximumElements = 2_000

    /// nil where HDF5 cannot have an attribute of that name.
    static func isName(_ name: String) -> Bool {
        !name.isEmpty && !name.utf8.contains(0) && name.utf8.count < 16_384
    }

    static func value(_ json: JSONValue) -> AttributeValue {
        switch json {
        case .string(let text) where !text.utf8.contains(0): .string(text)
        case .bool(let flag): .integer(flag ? 1 : 0)
        case .integer(let number): .integer(Int64(number))
        case .unsigned(let number): .unsigned(number)
        case .number(let number): .double(number)
        case .array(let elements) where (1...maximumElements).contains(elements.count):
            list(elements) ?? .string(json.canonicalText)
        default: .string(json.canonicalText)
        }
    }

    private static func list(_ elements: [JSONValue]) -> AttributeValue? {
        let texts = elements.compactMap(\.string)
        if texts.count == elements.count {
            return texts.contains { $0.utf8.contains(0) } ? nil : .strings(texts)
        }
        let flags = elements.compactMap(\.bool)
        if flags.count == elements.count { return .integers(flags.map { $0 ? 1 : 0 }) }
        var integers: [Int64] = []
        var doubles: [Double] = []
        for element in elements {
            switch element {
            case .integer(let number):
                integers.append(Int64(number))
                // Beyond 2^53 a Double would be another number.
                guard let double = Double(exactly: number) else { continue }
                doubles.append(double)
            case .number(let number): doubles.append(number)
            default: return nil
            }
        }
        if integers.count == elements.count { return .integers(integers) }
        return doubles.count == elements.count ? .doubles(doubles) : nil
    }
}
