import Geometry
public import JSONText

/// Readers of single values: each checks type, range and wording, and says what it expected.
public enum ManifestValue {
    /// Takes a value and its place, and gives what it stands for.
    public typealias Reader<T> = (JSONValue, JSONPath) throws(ManifestProblem) -> T

    static func boolean(_ value: JSONValue, _ path: JSONPath) throws(ManifestProblem) -> Bool {
        guard let flag = value.bool else { throw mismatch(value, path, "true or false") }
        return flag
    }

    static func text(_ expected: String) -> Reader<String> {
        { (value, path) throws(ManifestProblem) in
            guard let text = value.string else { throw mismatch(value, path, expected) }
            return text
        }
    }

    static func integer(in range: ClosedRange<Int>) -> Reader<Int> {
        let expected =
            range.upperBound == .max
            ? "a whole number of at least \(range.lowerBound)"
            : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        return { (value, path) throws(ManifestProblem) in
            guard let number = value.integer, range.contains(number) else { throw mismatch(value, path, expected) }
            return number
        }
    }

    /// A finite number that `accepts` takes.
    static func number(_ expected: String, where accepts: @escaping (Double) -> Bool) -> Reader<Double> {
        { (value, path) throws(ManifestProblem) in
            guard let number = value.double, number.isFinite, accepts(number) else {
                throw mismatch(value, path, expected)
            }
            return number
        }
    }

    /// Voxel sizes that any microscope, and any resizing, may have, in nm.
    static let voxelSizesNm = 0.01...1_000_000.0

    /// A voxel size in nm: one number for all axes, or one an axis.
    static func voxelSize(_ value: JSONValue, _ path: JSONPath) throws(ManifestProblem) -> ZYX<Double> {
        let expected = "a positive number or [z, y, x] in nm"
        guard let elements = value.array else { return ZYX(repeating: try voxelLength(value, path, expected)) }
        guard elements.count == 3 else { throw mismatch(value, path, expected) }
        return ZYX(
            try voxelLength(elements[0], path.index(0), "a positive number in nm"),
            try voxelLength(elements[1], path.index(1), "a positive number in nm"),
            try voxelLength(elements[2], path.index(2), "a positive number in nm"))
    }

    private static func voxelLength(
        _ value: JSONValue, _ path: JSONPath, _ expected: String
    ) throws(ManifestProblem) -> Double {
        let length = try number(expected, where: { $0 > 0 })(value, path)
        guard voxelSizesNm.contains(length) else { throw mismatch(value, path, "a number from 0.01 to 1000000 in nm") }
        return length
    }

    /// Three finite numbers that `accepts` takes, in the order z, y, x.
    static func triple(of expected: String, _ accepts: @escaping (Double) -> Bool) -> Reader<ZYX<Double>> {
        { (value, path) throws(ManifestProblem) in
            guard let elements = value.array, let triple = ZYX(elements) else { throw mismatch(value, path, expected) }
            for (axis, element) in triple.array.enumerated() {
                guard let number = element.double, number.isFinite, accepts(number) else {
                    throw mismatch(element, path.index(axis), expected)
                }
            }
            return triple.map { $0.double ?? .nan }
        }
    }

    /// One of the words of an enumeration.
    static func choice<T: RawRepresentable<String> & CaseIterable>(_ type: T.Type) -> Reader<T> {
        let words = T.allCases.map(\.rawValue)
        return { (value, path) throws(ManifestProblem) in
            guard let word = value.string, let choice = T(rawValue: word) else {
                var problem = mismatch(value, path, alternatives(words))
                problem.suggestion = value.string.flatMap { Spelling.nearest(to: $0, in: words) }
                throw problem
            }
            return choice
        }
    }

    /// Distinct elements; an empty array only where `mayBeEmpty`.
    static func list<T: Hashable>(
        _ expected: String, mayBeEmpty: Bool = false, of read: @escaping Reader<T>
    ) -> Reader<[T]> {
        { (value, path) throws(ManifestProblem) in
            guard let elements = value.array, mayBeEmpty || !elements.isEmpty else {
                throw mismatch(value, path, expected)
            }
            var seen: Set<T> = []
            var list: [T] = []
            for (index, element) in elements.enumerated() {
                let item = try read(element, path.index(index))
                guard seen.insert(item).inserted else {
                    throw mismatch(element, path.index(index), "each element once", note: "again")
                }
                list.append(item)
            }
            return list
        }
    }

    /// A count of bytes; with `perSecond`, a rate.
    static func bytes(_ expected: String, in range: ClosedRange<Int>, perSecond: Bool = false) -> Reader<Int> {
        { (value, path) throws(ManifestProblem) in
            let count = value.integer ?? value.string.flatMap { ByteCount.parse($0, perSecond: perSecond) }
            guard let count, range.contains(count) else { throw mismatch(value, path, expected) }
            return count
        }
    }

    /// A length of time in seconds: a number, or a text.
    static func seconds(_ expected: String, in range: ClosedRange<Double>) -> Reader<Double> {
        { (value, path) throws(ManifestProblem) in
            let seconds = value.double ?? value.string.flatMap(DurationText.seconds)
            guard let seconds, range.contains(seconds) else { throw mismatch(value, path, expected) }
            return seconds
        }
    }

    /// What is wrong with `value`; a string is shown cut and escaped, a container by its size.
    static func mismatch(
        _ value: JSONValue, _ path: JSONPath, _ expected: String, note: String = ""
    ) -> ManifestProblem {
        ManifestProblem(path: path, found: note.isEmpty ? value.shown : "\(value.shown) \(note)", expected: expected)
    }

    /// `"a", "b" or "c"`.
    static func alternatives(_ words: [String]) -> String {
        let quoted = words.map { "\"\($0)\"" }
        guard let last = quoted.last, quoted.count > 1 else { return quoted.joined() }
        return quoted.dropLast().joined(separator: ", ") + " or " + last
    }
}
