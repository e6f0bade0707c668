/// A unit of length as NGFF names it (UDUNITS-2), or as people abbreviate it.
struct LengthUnit: Equatable {
    /// The unit's length in nm.
    let nanometers: Double

    static let nanometer = LengthUnit(nanometers: 1)

    /// Words in any case, in the singular.
    private static let words: [String: Double] = [
        "nanometer": 1, "nanometre": 1, "micrometer": 1e3, "micrometre": 1e3, "micron": 1e3, "angstrom": 0.1,
        "picometer": 1e-3, "picometre": 1e-3, "millimeter": 1e6, "millimetre": 1e6, "centimeter": 1e7,
        "centimetre": 1e7, "meter": 1e9, "metre": 1e9,
    ]

    /// Symbols, whose case matters. The micro sign (U+00B5) and the Greek letter mu (U+03BC) both occur.
    private static let symbols: [String: Double] = [
        "nm": 1, "um": 1e3, "\u{B5}m": 1e3, "\u{3BC}m": 1e3, "\u{C5}": 0.1, "pm": 1e-3, "mm": 1e6, "cm": 1e7, "m": 1e9,
    ]

    private init(nanometers: Double) { self.nanometers = nanometers }

    /// The unit of this name; nil where it is unknown.
    init?(_ name: String) {
        let word = name.lowercased()
        let singular = word.hasSuffix("s") ? String(word.dropLast()) : word
        guard let nanometers = Self.symbols[name] ?? Self.words[singular] else { return nil }
        self.init(nanometers: nanometers)
    }
}
