import Foundation
import JSONText

/// A text that is read as JSON, which Foundation must read too. The other way round it need not be: Foundation takes commas before
/// brackets, other encodings, and deeper nesting.
struct TextExercise {
    let text: [UInt8]

    /// The value; nil where the text is no JSON.
    func value(harness: some Harness) -> JSONValue? {
        guard let value = try? JSONValue(parsing: text) else { return nil }
        let other = try? JSONSerialization.jsonObject(with: Data(text), options: .fragmentsAllowed)
        harness.require(other != nil, "no JSON, but read as \(value.kind)")
        let exact = try? JSONValue(parsingWithFloats: text)
        harness.require(exact.map(Self.withoutFloats) == value, "another value where floats are kept")
        return value
    }

    /// The same value with its whole floats as integers.
    private static func withoutFloats(_ value: JSONValue) -> JSONValue {
        switch value {
        case .number(let number) where number != 0 || number.sign == .plus:
            Int(exactly: number).map { .integer($0) } ?? value
        case .array(let elements): .array(elements.map(withoutFloats))
        case .object(let members): .object(members.mapValues(withoutFloats))
        default: value
        }
    }
}
