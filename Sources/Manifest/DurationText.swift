public import JSONText

/// Lengths of time as people write them: `3600`, `90s`, `90m`, `1h30m`, `2d`, or Slurm's `[[days-]hours:]minutes:seconds`.
public enum DurationText {
    private static let units: KeyValuePairs = ["d": 86400, "h": 3600, "m": 60, "s": 1]

    /// The seconds that `text` stands for, below a billion; nil where it is no length of time.
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
    public static func json(_ seconds: Double) -> JSONValue {
        for (unit, length) in units where length > 1 && seconds > 0 {
            if let count = Int(exactly: seconds / Double(length)) { return .string("\(count)\(unit)") }
        }
        return .exact(seconds)
    }
}
