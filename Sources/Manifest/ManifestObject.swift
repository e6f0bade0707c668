internal import Elements
internal import JSONText

/// A key of an object in the manifest: its name, its values, and what it means, in one place.
struct ManifestKey<Owner> {
    let name: String
    let property: PartialKeyPath<Owner>
    /// What a message expects where the key is missing; nil where it may be.
    let missing: String?
    let schema: [String: JSONValue]
    let read: (JSONValue, JSONPath, ManifestReading, inout Owner) throws(ManifestError) -> Void
    let write: (Owner, AbsolutePath) -> JSONValue?

    /// - Parameter missing: What a message expects where the key is missing. It makes the key a required one.
    init<T>(
        _ name: String, _ property: WritableKeyPath<Owner, T>, _ value: ManifestValue<T>, missing: String? = nil,
        _ meaning: String
    ) {
        self.name = name
        self.property = property
        self.missing = missing
        schema = value.schema.merging(["description": .string(meaning)]) { $1 }
        read = { (json, path, reading, owner) throws(ManifestError) in
            owner[keyPath: property] = try value.read(json, path, reading)
        }
        write = { owner, folder in value.write(owner[keyPath: property], folder) }
    }
}

/// A kind of object in the manifest.
struct ManifestObject<Owner> {
    /// Its value where no key is given, which has the defaults.
    let standard: Owner
    let keys: [ManifestKey<Owner>]

    init(_ standard: Owner, _ keys: [ManifestKey<Owner>]) {
        self.standard = standard
        self.keys = keys
    }

    /// The key that stands for a property.
    func key(_ property: PartialKeyPath<Owner>) -> ManifestKey<Owner> {
        guard let key = keys.first(where: { $0.property == property }) else {
            preconditionFailure("no key stands for \(property)")
        }
        return key
    }

    /// Reads an object. A problem with a key is noted, and the key gets its default.
    ///
    /// - Parameter supplied: A property that may be missing because a flag gives it.
    func read(
        _ value: JSONValue, _ path: JSONPath, _ reading: ManifestReading, supplied: PartialKeyPath<Owner>? = nil
    ) throws(ManifestError) -> Owner {
        guard let members = value.object else { throw ManifestError(value, path, "an object") }
        let known = keys.map(\.name).sorted()
        for name in members.keys where !known.contains(name) {
            // Its value is not shown: it may be a password.
            reading.add(
                ManifestError(
                    path: path.key(name), found: "unknown key", expected: ManifestError.alternatives(known),
                    suggestion: Spelling.nearest(to: name, in: known), isUnknownKey: true))
        }
        var owner = standard
        for key in keys {
            let path = path.key(key.name)
            reading.collect { () throws(ManifestError) in
                if let member = members[key.name] {
                    try key.read(member, path, reading, &owner)
                } else if let missing = key.missing, key.property != supplied {
                    throw ManifestError(
                        path: path, found: "nothing", expected: "\(missing) (the key is required)")
                }
            }
        }
        return owner
    }

    /// Every key spelled out.
    func json(_ owner: Owner, relativeTo folder: AbsolutePath) -> JSONValue {
        let members = keys.compactMap { key in key.write(owner, folder).map { (key.name, $0) } }
        return .object(Dictionary(uniqueKeysWithValues: members))
    }

    var schema: [String: JSONValue] {
        let properties = keys.map { key in
            let value = key.missing == nil ? key.write(standard, AbsolutePath("/")) : nil
            return (key.name, JSONValue.object(key.schema.merging(value.map { ["default": $0] } ?? [:]) { $1 }))
        }
        let required = keys.filter { $0.missing != nil }.map(\.name).sorted()
        return [
            "type": "object", "properties": .object(Dictionary(uniqueKeysWithValues: properties)),
            "required": .array(required.map { .string($0) }), "additionalProperties": false,
        ]
    }
}

extension ManifestValue {
    /// An object; `meaning` describes it where no key does.
    static func object(_ object: ManifestObject<T>, _ meaning: String? = nil) -> Self {
        Self(
            object.schema.merging(meaning.map { ["description": .string($0)] } ?? [:]) { $1 },
            write: { object.json($0, relativeTo: $1) }
        ) { (value, path, reading) throws(ManifestError) in try object.read(value, path, reading) }
    }
}
