internal import Geometry
internal import JSONText

/// Reads the triples of N5 attributes: one number or unit for each axis.
enum N5Vector {
    /// A unit of length, and how the metadata write it.
    struct Unit {
        let name: String
        let nanometers: Double
    }

    /// Three finite numbers in the order of the text.
    static func numbers(_ value: JSONValue?, key: String, errors: MetadataErrors) throws(VolumeError) -> [Double] {
        let numbers = value?.array?.compactMap(\.double).filter(\.isFinite)
        guard let numbers, numbers.count == 3, value?.array?.count == 3 else {
            throw errors.bad(key, expected: "3 numbers", found: value)
        }
        return numbers
    }

    /// Three finite numbers, which N5 writes as x, y, z.
    static func fromXYZ(_ value: JSONValue?, key: String, errors: MetadataErrors) throws(VolumeError) -> ZYX<Double> {
        let numbers = try numbers(value, key: key, errors: errors)
        return ZYX(numbers[2], numbers[1], numbers[0])
    }

    /// - Throws: ``VolumeError`` where a number is 0 or negative; neuroglancer lists mirrored copies with negative numbers.
    static func checkPositive(
        _ scale: ZYX<Double>, _ json: JSONValue?, key: String, errors: MetadataErrors
    ) throws(VolumeError) {
        guard scale.allSatisfy({ $0 >= 0 }) else {
            throw errors.unsupported(
                key,
                "expected sizes above 0, found \(MetadataErrors.excerpt(json)): a mirrored axis, as neuroglancer's "
                    + "precomputed copies have in y; give the grid of the array itself")
        }
        guard scale.allSatisfy({ $0 > 0 }) else {
            throw errors.bad(key, expected: "3 numbers above 0", found: json)
        }
    }

    /// Three units in the order of the text, one name for all included; nanometers where there are none.
    static func units(
        _ value: JSONValue?, key: String, errors: MetadataErrors, warnings: inout N5Warnings
    ) throws(VolumeError) -> [Unit] {
        guard let value, !value.isNull else {
            warnings.add("\(key) is missing: taken as nanometer")
            return [Unit](repeating: Unit(name: "nanometer", nanometers: 1), count: 3)
        }
        if value.string != nil {
            let unit = try unit(value, key: key, errors: errors, warnings: &warnings)
            return [unit, unit, unit]
        }
        guard let list = value.array, list.count == 3 else {
            throw errors.bad(key, expected: "3 units of length", found: value)
        }
        var units: [Unit] = []
        for (index, name) in list.enumerated() {
            units.append(try unit(name, key: "\(key)[\(index)]", errors: errors, warnings: &warnings))
        }
        return units
    }

    static func unit(
        _ value: JSONValue?, key: String, errors: MetadataErrors, warnings: inout N5Warnings
    ) throws(VolumeError) -> Unit {
        guard let value, !value.isNull, value != "" else {
            warnings.add("\(key) is missing: taken as nanometer")
            return Unit(name: "nanometer", nanometers: 1)
        }
        guard let name = value.string else { throw errors.bad(key, expected: "a unit of length", found: value) }
        guard let unit = LengthUnit(name) else {
            throw errors.unsupported(
                key, "expected nm or another unit of length, found \"\(VolumeError.printable(name))\"")
        }
        return Unit(name: name, nanometers: unit.nanometers)
    }
}

/// The assumptions made while reading N5 attributes, each line once.
struct N5Warnings {
    private(set) var lines: [String] = []

    mutating func add(_ line: String) {
        if !lines.contains(line) { lines.append(line) }
    }
}
