internal import Crypto
internal import Foundation
public import JSONText

/// The SHA-256 of a canonical JSON value: equal inputs, equal fingerprint, on every machine.
public struct Fingerprint: Sendable, Hashable, Codable, CustomStringConvertible {
    /// 64 hexadecimal digits.
    public let description: String

    public init(of value: JSONValue) {
        description = Self.hex(SHA256.hash(data: Data(value.canonicalText.utf8)))
    }

    public init(from decoder: any Decoder) throws {
        description = try decoder.singleValueContainer().decode(String.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    private static func hex(_ digest: SHA256.Digest) -> String {
        digest.map { String(format: "%02x", $0) }.joined()
    }
}
