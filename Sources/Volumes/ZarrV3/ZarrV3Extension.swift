internal import JSONText

/// One use of an extension point of Zarr v3: an object with a name and a configuration, or the bare name.
struct ZarrV3Extension {
    let name: String
    /// The parameters; an empty object where there are none.
    let configuration: JSONValue
    /// Where this stands in the document, such as `codecs[1]`.
    let key: String
    /// Whether a reader that does not know the name may go on without it.
    let mayBeIgnored: Bool

    var configurationKey: String { "\(key).configuration" }

    init(_ value: JSONValue?, key: String, errors: MetadataErrors) throws(VolumeError) {
        self.key = key
        if let name = value?.string {
            self.name = name
            configuration = [:]
            mayBeIgnored = false
            return
        }
        guard let value, value.object != nil else {
            throw errors.bad(key, expected: "a name, or an object with one", found: value)
        }
        guard let name = value["name"]?.string else {
            throw errors.bad("\(key).name", expected: "a string", found: value["name"])
        }
        self.name = name
        switch value["configuration"] {
        case nil, .some(.null): configuration = [:]
        case .some(let value) where value.object != nil: configuration = value
        case .some(let value): throw errors.bad("\(key).configuration", expected: "an object", found: value)
        }
        mayBeIgnored = value["must_understand"] == false
    }

    /// A name as it may stand in a message, in quotes.
    var printableName: String { "\"\(VolumeError.printable(name))\"" }
}
