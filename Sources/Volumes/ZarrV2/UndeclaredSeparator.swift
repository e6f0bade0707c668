internal import JSONText

/// Zarr v2 arrays that do not say what stands between the numbers of their chunks' keys.
///
/// That is `.` by the specification, but some writers leave `dimension_separator` out and nest their chunks all the same: every chunk is
/// missing then, and the array is all fill value.
public enum UndeclaredSeparator {
    /// The metadata as they would be for nested chunks (`0/0/0`); nil where they say what separates the numbers, or there is only one.
    public static func nested(_ text: [UInt8]) -> String? {
        guard let json = try? JSONValue(parsingWithFloats: text), var members = json.object,
            members["dimension_separator"]?.isNull ?? true, let shape = members["shape"]?.array, shape.count > 1
        else { return nil }
        members["dimension_separator"] = "/"
        return JSONValue.object(members).prettyText + "\n"
    }

    /// Whether the names of folders in a folder are numbers of chunks.
    public static func isNested(_ folders: [String]) -> Bool {
        folders.contains { name in
            !name.isEmpty && name.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        }
    }
}
