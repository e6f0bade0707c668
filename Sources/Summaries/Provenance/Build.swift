internal import CBuild

/// What this program is.
public enum Build {
    public static let version = "0.1.0"

    /// The commit that it was built from; nil where nobody has said so (`CRISTAE_COMMIT` at build time).
    public static let commit: String? = cristae_commit().map { String(cString: $0) }
}
