internal import JSONText

/// One thing that is wrong with a manifest, and where.
public struct ManifestProblem: Error {
    let path: JSONPath
    let found: String
    let expected: String
    var suggestion: String?
    var isUnknownKey = false
}
