internal import Elements

/// The rule for paths of levels in metadata, which become keys of requests and names of local files.
enum LevelPath {
    /// The longest key that S3 holds, in bytes.
    private static let maximumByteCount = 1024

    /// What is wrong with a path; nil where it is relative and stays below its group.
    static func objection(_ path: String) -> String? {
        guard !path.isEmpty else { return "is empty" }
        guard path.utf8.count <= maximumByteCount else { return "is longer than \(maximumByteCount) bytes" }
        let isControl = { (scalar: Unicode.Scalar) in
            scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .lineSeparator
                || scalar.properties.generalCategory == .paragraphSeparator
        }
        guard !path.unicodeScalars.contains(where: isControl) else { return "has a control character" }
        guard !path.hasBytePrefix("/") else { return "is absolute" }
        for component in path.pathComponents(keepingEmpty: true) {
            if component.isEmpty { return "has an empty component" }
            if component == "." || component == ".." { return "has the component \"\(component)\"" }
        }
        return nil
    }
}
