public import JSONText

/// Counts of bytes as people write them: `1GiB`, `512 MiB`, `800MB`, `1.5GiB`, `100MB/s`.
public enum ByteCount {
    /// Factor of each unit: the `i` marks powers of 1024, the others are powers of 1000.
    private static let units: [String: Int] = [
        "B": 1, "kB": 1000, "KB": 1000, "KiB": 1 << 10, "MB": 1_000_000, "MiB": 1 << 20, "GB": 1_000_000_000,
        "GiB": 1 << 30, "TB": 1_000_000_000_000, "TiB": 1 << 40,
    ]

    /// The bytes that `text` stands for, rounded to the nearest. nil where it is not a count, or does not fit an `Int`.
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

/// Lengths of time as people write them: `3600`, `90s`, `90m`, `1h30m`, `2d`, or Slurm's `[[days-]hours:]minutes:seconds`.
public enum DurationText {
    private static let units: KeyValuePairs = ["d": 86400, "h": 3600, "m": 60, "s": 1]

    /// The seconds that `text` stands for, below a billion. nil where it is not a length of time.
    public static func seconds(_ text: String) -> Double? {
        guard !text.isEmpty else { return nil }
        if text.contains(":") || text.contains("-") { return slurm(text) }
        var total = 0.0
        var digits = ""
        var last = Double.infinity
        for character in text {
            if character.isNumber || character == "." {
                digits.append(character)
                continue
            }
            guard let unit = units.first(where: { $0.key == String(character) })?.value, Double(unit) < last,
                let value = Double(digits)
            else { return nil }
            total += value * Double(unit)
            last = Double(unit)
            digits = ""
        }
        if !digits.isEmpty {
            guard last.isInfinite, let value = Double(digits) else { return nil }
            total = value
        }
        return total < 1e9 ? total : nil
    }

    private static func slurm(_ text: String) -> Double? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count <= 2 else { return nil }
        let days = parts.count == 2 ? Double(parts[0]) : 0
        let numbers = parts[parts.count - 1].split(separator: ":", omittingEmptySubsequences: false).map { Double($0) }
        guard let days, days >= 0, (1...3).contains(numbers.count), numbers.allSatisfy({ $0.map { $0 >= 0 } ?? false })
        else { return nil }
        // With days the first number is hours; without, the last one is seconds.
        let values = numbers.compactMap { $0 }
        let units: [Double] = parts.count == 2 ? [3600, 60, 1] : Array([3600, 60, 1].suffix(values.count))
        let total = zip(values, units).reduce(days * 86400) { $0 + $1.0 * $1.1 }
        return total < 1e9 ? total : nil
    }

    /// The shortest exact form: `10m` for 600, a number where no unit fits.
    static func json(_ seconds: Double) -> JSONValue {
        for (unit, length) in units where length > 1 && seconds > 0 {
            if let count = Int(exactly: seconds / Double(length)) { return .string("\(count)\(unit)") }
        }
        return .exact(seconds)
    }
}
