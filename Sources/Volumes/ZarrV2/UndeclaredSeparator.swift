internal import JSONText

/// Zarr v2 arrays without a `dimension_separator`.
///
/// By the specification it is `.` then. Some writers omit it although they nest their chunks (`/`). Read by the specification, such an
/// array has no chunks, and is all fill value.
public enum UndeclaredSeparator {
    /// The same metadata with `/` as separator; nil where they state a separator, or the array has only one axis.
    public static func nested(_ text: [UInt8]) -> String? {
        guard let json = try? JSONValue(parsingWithFloats: text), var members = json.object,
            members["dimension_separator"]?.isNull ?? true, let shape = members["shape"]?.array, shape.count > 1
        else { return nil }
        members["dimension_separator"] = "/"
        return JSONValue.object(members).prettyText + "\n"
    }

    /// Whether one of the folder names is a chunk's number.
    public static func isNested(_ folders: [String]) -> Bool {
        folders.contains { name in
            !name.isEmpty && name.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        }
    }
}
