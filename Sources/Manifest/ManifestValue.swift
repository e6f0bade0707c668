internal import Elements
internal import Geometry
internal import JSONText

/// A kind of value in the manifest: how it is read and written, and what the schema says of it.
struct ManifestValue<T> {
    typealias Reader = (JSONValue, JSONPath, ManifestReading) throws(ManifestError) -> T

    var schema: [String: JSONValue]
    /// Takes a value and its place. The error says what was expected.
    var read: Reader
    /// The value as the manifest in a folder has it; nil where the key is left out.
    var write: (T, AbsolutePath) -> JSONValue?

    init(
        _ schema: [String: JSONValue], write: @escaping (T, AbsolutePath) -> JSONValue?, read: @escaping Reader
    ) {
        self.schema = schema
        self.read = read
        self.write = write
    }

    /// Values that `parse` takes. Where it returns nil, the message says `expected`.
    init(
        _ expected: String, _ schema: [String: JSONValue], write: @escaping (T) -> JSONValue,
        parse: @escaping (JSONValue) -> T?
    ) {
        self.init(schema, write: { value, _ in write(value) }) { (value, path, _) throws(ManifestError) in
            guard let result = parse(value) else { throw ManifestError(value, path, expected) }
            return result
        }
    }

    /// The same with one more check, of a value that has been read.
    func checked(_ check: @escaping (T, JSONPath, ManifestReading) -> Void) -> Self {
        ManifestValue(schema, write: write) { (value, path, reading) throws(ManifestError) in
            let result = try read(value, path, reading)
            check(result, path, reading)
            return result
        }
    }

    /// The same, or `null`.
    var orNull: ManifestValue<T?> {
        var schema = schema
        if let kinds = schema["anyOf"]?.array { schema["anyOf"] = .array(kinds + [["type": "null"]]) }
        if let type = schema["type"] { schema["type"] = [type, "null"] }
        return ManifestValue<T?>(schema, write: { value, folder in value.map { write($0, folder) } ?? .null }) {
            (value, path, reading) throws(ManifestError) in
            value.isNull ? nil : try read(value, path, reading)
        }
    }

    /// The same, where the key may be left out.
    var orAbsent: ManifestValue<T?> {
        ManifestValue<T?>(schema, write: { value, folder in value.flatMap { write($0, folder) } }, read: read)
    }
}

// MARK: Scalars

extension ManifestValue where T == Bool {
    static var boolean: Self { Self("true or false", ["type": "boolean"], write: { .bool($0) }) { $0.bool } }
}

extension ManifestValue where T: RawRepresentable<String> & CaseIterable {
    /// One of the words of an enumeration.
    static var choice: Self {
        let words = T.allCases.map(\.rawValue)
        return Self(
            ["type": "string", "enum": .array(words.map { .string($0) })],
            write: { value, _ in .string(value.rawValue) }
        ) { (value, path, _) throws(ManifestError) in
            guard let choice = value.string.flatMap({ T(rawValue: $0) }) else {
                var problem = ManifestError(value, path, ManifestError.alternatives(words))
                problem.suggestion = value.string.flatMap { Spelling.nearest(to: $0, in: words) }
                throw problem
            }
            return choice
        }
    }
}

extension ManifestValue where T == Int {
    static func integer(in range: ClosedRange<Int>) -> Self {
        let expected =
            range.upperBound == .max
            ? "a whole number of at least \(range.lowerBound)"
            : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        let schema: [String: JSONValue] = [
            "type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound),
        ]
        return Self(expected, schema, write: { .integer($0) }) { value in
            value.integer.flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// A count of bytes, or of bytes per second.
    static func bytes(_ expected: String, in range: ClosedRange<Int>, perSecond: Bool = false) -> Self {
        let text: JSONValue = [
            "type": "string",
            "pattern": .string("^[0-9]+(\\.[0-9]+)? ?([kKMGT]?B|[KMGT]iB)\(perSecond ? "(/s)?" : "")$"),
        ]
        return Self(
            expected, ["anyOf": [.object(integer(in: range).schema), text]],
            write: { perSecond ? .integer($0) : ByteCount.json($0) }
        ) { value in
            let count = value.integer ?? value.string.flatMap { ByteCount.parse($0, perSecond: perSecond) }
            return count.flatMap { range.contains($0) ? $0 : nil }
        }
    }
}

extension ManifestValue where T == Double {
    /// A finite number within `bounds`: `minimum`, `exclusiveMaximum` and so on, as in the schema.
    static func number(_ expected: String, _ bounds: [String: JSONValue]) -> Self {
        Self(expected, bounds.merging(["type": "number"]) { $1 }, write: JSONValue.exact) { value in
            value.double.flatMap { $0.isFinite && isWithin(bounds, $0) ? $0 : nil }
        }
    }

    private static func isWithin(_ bounds: [String: JSONValue], _ number: Double) -> Bool {
        bounds.allSatisfy { rule, limit in
            guard let limit = limit.double else { return false }
            return switch rule {
            case "minimum": number >= limit
            case "exclusiveMinimum": number > limit
            case "maximum": number <= limit
            default: rule == "exclusiveMaximum" && number < limit
            }
        }
    }

    /// A length of time in seconds: a number, or a text.
    static func seconds(_ expected: String, atMost limit: Int) -> Self {
        let bounds: [String: JSONValue] = ["minimum": 0, "maximum": .integer(limit)]
        let text: JSONValue = [
            "type": "string", "pattern": "^[0-9.:-]+$|^([0-9.]+d)?([0-9.]+h)?([0-9.]+m)?([0-9.]+s)?$",
        ]
        return Self(
            expected, ["anyOf": [.object(number(expected, bounds).schema), text]], write: DurationText.json
        ) { value in
            let seconds = value.double ?? value.string.flatMap(DurationText.seconds)
            return seconds.flatMap { isWithin(bounds, $0) ? $0 : nil }
        }
    }

    /// The edge of a voxel in nm, with bounds for any microscope and any resizing.
    fileprivate static func voxelEdge(_ expected: String) -> Self {
        let range = number("a number from 0.01 to 1000000 in nm", ["minimum": 0.01, "maximum": 1_000_000])
        let positive = number(expected, ["exclusiveMinimum": 0])
        return Self(range.schema, write: range.write) { (value, path, reading) throws(ManifestError) in
            _ = try positive.read(value, path, reading)
            return try range.read(value, path, reading)
        }
    }
}

// MARK: Several

extension ManifestValue where T == ZYX<Double> {
    /// Three numbers, in the order z, y, x.
    static func triple(_ expected: String, of element: ManifestValue<Double>) -> Self {
        Self(
            ["type": "array", "items": .object(element.schema), "minItems": 3, "maxItems": 3],
            write: { triple, _ in .array(triple.array.map { .exact($0) }) }
        ) { (value, path, reading) throws(ManifestError) in
            guard let elements = value.array, elements.count == 3 else { throw ManifestError(value, path, expected) }
            return ZYX(
                try element.read(elements[0], path.index(0), reading),
                try element.read(elements[1], path.index(1), reading),
                try element.read(elements[2], path.index(2), reading))
        }
    }

    /// Three numbers within bounds.
    static func triple(_ expected: String, _ bounds: [String: JSONValue]) -> Self {
        triple(expected, of: .number(expected, bounds))
    }

    /// A voxel size in nm: one number for all axes, or one for each.
    ///
    /// - Parameter writesOneNumber: whether three equal numbers are written as one.
    static func voxelSize(writesOneNumber: Bool) -> Self {
        let expected = "a positive number or [z, y, x] in nm"
        let cube = ManifestValue<Double>.voxelEdge(expected)
        let triple = triple(expected, of: .voxelEdge("a positive number in nm"))
        return Self(
            ["anyOf": [.object(cube.schema), .object(triple.schema)]],
            write: { size, folder in
                writesOneNumber && size == ZYX(repeating: size.z) ? .exact(size.z) : triple.write(size, folder)
            }
        ) { (value, path, reading) throws(ManifestError) in
            value.array == nil
                ? ZYX(repeating: try cube.read(value, path, reading)) : try triple.read(value, path, reading)
        }
    }
}

extension ManifestValue {
    /// Elements of which no two are the same.
    ///
    /// - Parameters:
    ///   - noun: What a message calls an element.
    ///   - key: What makes two elements the same, and the key of the element at which a message says so.
    static func list<Element: Hashable>(
        _ expected: String, of element: ManifestValue<Element>, atLeast count: Int = 0, noun: String = "element",
        key: (name: String, value: (Element) -> AnyHashable)? = nil
    ) -> Self where T == [Element] {
        Self(
            [
                "type": "array", "items": .object(element.schema), "minItems": .integer(count), "uniqueItems": true,
            ],
            write: { list, folder in .array(list.compactMap { element.write($0, folder) }) }
        ) { (value, path, reading) throws(ManifestError) in
            guard let elements = value.array, elements.count >= count else {
                throw ManifestError(value, path, expected)
            }
            var seen: [AnyHashable: Int] = [:]
            var list: [Element] = []
            for (index, value) in elements.enumerated() {
                let path = path.index(index)
                let item = reading.collect { () throws(ManifestError) in
                    try element.read(value, path, reading)
                }
                guard let item else { continue }
                list.append(item)
                guard let first = seen.updateValue(index, forKey: key?.value(item) ?? AnyHashable(item)) else {
                    continue
                }
                reading.add(
                    ManifestError(
                        path: key.map { path.key($0.name) } ?? path,
                        found: noun == "element" ? "\(value.shown) again" : "the \(noun) of [\(first)] again",
                        expected: "each \(noun) once"))
            }
            return list
        }
    }

    /// An object whose keys are names.
    static func map<Element>(
        _ expected: String, name: ManifestValue<String>, of element: ManifestValue<Element>
    ) -> Self where T == [String: Element] {
        Self(
            [
                "type": "object", "propertyNames": .object(name.schema),
                "additionalProperties": .object(element.schema),
            ],
            write: { members, folder in .object(members.compactMapValues { element.write($0, folder) }) }
        ) { (value, path, reading) throws(ManifestError) in
            guard let members = value.object else { throw ManifestError(value, path, expected) }
            var result: [String: Element] = [:]
            for (key, value) in members {
                let path = path.key(key)
                reading.collect { () throws(ManifestError) in
                    _ = try name.read(.string(key), path, reading)
                }
                reading.collect { () throws(ManifestError) in
                    result[key] = try element.read(value, path, reading)
                }
            }
            return result
        }
    }
}

extension JSONValue {
    /// A number, as an integer where it is one: 8 and not 8.0.
    static func exact(_ value: Double) -> JSONValue { Int(exactly: value).map { .integer($0) } ?? .number(value) }
}
