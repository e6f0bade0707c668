public import JSONText

/// Counts of bytes as people write them: `1GiB`, `512 MiB`, `800MB`, `1.5GiB`, `100MB/s`.
public enum ByteCount {
    /// Factor of each unit: the `i` marks powers of 1024, the others are powers of 1000.
    private static let units: [String: Int] = [
        "B": 1, "kB": 1000, "KB": 1000, "KiB": 1 << 10, "MB": 1_000_000, "MiB": 1 << 20, "GB": 1_000_000_000,
        "GiB": 1 << 30, "TB": 1_000_000_000_000, "TiB": 1 << 40,
    ]

    /// The bytes that `text` stands for, rounded to the nearest; nil where it is no count, or does not fit an `Int`.
    ///
    /// `perSecond` allows `/s` after the unit. A unit is needed: a bare number in quotes is ambiguous.
    public static func parse(_ text: String, perSecond: Bool = false) -> Int? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        var unit = text[digits.endIndex...]
        if unit.first == " " { unit.removeFirst() }
        if perSecond, unit.hasSuffix("/s") { unit.removeLast(2) }
        guard let factor = units[String(unit)] else { return nil }
        if let count = Int(digits) {
            let (bytes, overflow) = count.multipliedReportingOverflow(by: factor)
            return overflow ? nil : bytes
        }
        let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }), let count = Double(digits) else { return nil }
        return Int(exactly: (count * Double(factor)).rounded())
    }

    /// The shortest exact form: `1GiB` for 1073741824, a number where no binary unit fits.
    public static func json(_ bytes: Int) -> JSONValue {
        for unit in ["TiB", "GiB", "MiB"] {
            if let factor = units[unit], bytes > 0, bytes % factor == 0 { return .string("\(bytes / factor)\(unit)") }
        }
        return .integer(bytes)
    }
}
