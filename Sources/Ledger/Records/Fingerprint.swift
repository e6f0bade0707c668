internal import Crypto
internal import Elements
internal import Foundation
public import JSONText

/// The SHA-256 of a canonical JSON value: equal inputs, equal fingerprint, on every machine.
public struct Fingerprint: Sendable, Hashable, Codable, CustomStringConvertible {
    /// 64 hexadecimal digits.
    public let description: String

    public init(of value: JSONValue) {
        description = SHA256.hash(data: Data(value.canonicalText.utf8)).hexadecimal
    }

    public init(from decoder: any Decoder) throws {
        description = try decoder.singleValueContainer().decode(String.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
