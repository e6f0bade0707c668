import JSONText
import Testing
import Volumes

@Suite struct FillValueTests {
    private func bytes(of value: some BitwiseCopyable) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }

    private func fill(_ type: String, _ value: JSONValue?) throws -> [UInt8] {
        try metadata(["dtype": .string(type), "fill_value": value]).fillValue
    }

    @Test func nullAndMissingAreUndefinedZeros() throws {
        for value in [JSONValue?.none, .some(nil)] {
            let array = try metadata(["fill_value": value, "dtype": "<f8"])
            #expect(array.fillIsUndefined)
            #expect(array.fillValue == [UInt8](repeating: 0, count: 8))
        }
    }

    @Test func integers() throws {
        #expect(try fill("|u1", 255) == [255])
        #expect(try fill("|i1", -128) == [0x80])
        #expect(try fill("<u2", "65535") == [255, 255])
        #expect(try fill(">i4", -9999) == bytes(of: Int32(-9999)))
        #expect(try fill("<u8", .unsigned(.max)) == bytes(of: UInt64.max))
        #expect(try fill("<u8", "18446744073709551615") == bytes(of: UInt64.max))
        #expect(try fill("<i8", .integer(.min)) == bytes(of: Int64.min))
        #expect(try fill("<i2", 3.0) == bytes(of: Int16(3)))
        #expect(try fill("<i2", "3.0") == bytes(of: Int16(3)))
    }

    @Test func floats() throws {
        #expect(try fill("<f4", 0.5) == bytes(of: Float(0.5)))
        #expect(try fill(">f8", "Infinity") == bytes(of: Double.infinity))
        #expect(try fill("<f8", "-Infinity") == bytes(of: -Double.infinity))
        #expect(try fill("<f4", "NaN") == bytes(of: Float.nan))
        #expect(try fill("<f8", "1e-3") == bytes(of: 1e-3))
        #expect(try fill("<f8", 7) == bytes(of: 7.0))
    }

    @Test func booleansAndHalves() throws {
        for value: JSONValue in [true, 1, "1", "true", "True", 1.0] { #expect(try fill("|b1", value) == [1]) }
        for value: JSONValue in [false, 0, "0", "false"] { #expect(try fill("|b1", value) == [0]) }
        #expect(try fill("<f2", 0.5) == bytes(of: Float16(0.5)))
        #expect(try fill(">f2", "-Infinity") == bytes(of: -Float16.infinity))
        #expect(try fill("<f2", 1e9) == bytes(of: Float16.infinity))
    }

    @Test func bitsAndBytes() throws {
        #expect(try fill("<f4", "0x7fc00001") == bytes(of: Float(bitPattern: 0x7FC0_0001)))
        #expect(try fill("<f8", "0x7ff8000000000000") == bytes(of: Double.nan))
        #expect(try fill(">u2", "0x0102") == bytes(of: UInt16(0x0102)))
        #expect(try fill("<i4", "AQIDBA==") == bytes(of: Int32(0x0403_0201)))
        #expect(try fill(">i4", "AQIDBA==") == bytes(of: Int32(0x0102_0304)))
    }

    private static let refused: [(String, JSONValue)] = [
        ("|u1", 256), ("|u1", -1), ("|u1", "256"), ("|i1", 128), ("<u2", 0.5), ("<u2", "0.5"),
        ("<u8", .number(18_446_744_073_709_551_616)), ("<i8", .unsigned(.max)), ("<i4", "NaN"), ("<i4", ""),
        ("<i4", true), ("<f4", [1]), ("<f4", .object([:])), ("<f8", "zero"), ("<f8", false), ("<i2", "Infinity"),
        ("|b1", 2), ("|b1", "yes"), ("<f4", "0x7fc0"), ("<f4", "0x7fc0000g"), ("<i4", "AQIDBAU="), ("<i4", "AQIDBA="),
    ]

    @Test(arguments: refused)
    func refusesValuesThatTheTypeDoesNotHold(type: String, value: JSONValue) throws {
        let error = try #require(refusal(["dtype": .string(type), "fill_value": value]))
        #expect(error.code == .badMetadata)
        #expect(error.key == "fill_value")
    }
}
