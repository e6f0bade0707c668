/// What a store says of an object beside its bytes. It tells one version from another.
public struct ObjectMetadata: Sendable, Hashable {
    /// Without quotes; nil where the store gives none.
    public var etag: String?
    /// Bytes of the whole object; nil where the store does not say.
    public var byteCount: Int?
    /// When it was last changed, in seconds since 1970 by the store's clock; nil where the store does not say.
    public var modified: Int?

    public init(etag: String? = nil, byteCount: Int? = nil, modified: Int? = nil) {
        self.etag = etag
        self.byteCount = byteCount
        self.modified = modified
    }

    /// Whether both are certainly of the same version. Metadata without an ETag, and without both size and time, never match.
    public func isSame(as other: ObjectMetadata) -> Bool {
        if let byteCount, let otherCount = other.byteCount, byteCount != otherCount { return false }
        if let etag, let otherTag = other.etag { return etag == otherTag }
        guard let modified, byteCount != nil, other.byteCount != nil else { return false }
        return modified == other.modified
    }

    /// Whether the store says enough to recognise a version.
    public var isTelling: Bool { etag != nil || (byteCount != nil && modified != nil) }

    // MARK: Text: `<bytes or -> <modified or -> <ETag>`, one line

    public var text: String {
        let numbers = "\(byteCount.map(String.init) ?? "-") \(modified.map(String.init) ?? "-")"
        guard let etag else { return numbers }
        var clean = String.UnicodeScalarView()
        clean.append(contentsOf: etag.unicodeScalars.map { ObjectKey.isControl($0) ? "?" : $0 })
        return "\(numbers) \(String(clean))"
    }

    /// - Returns: nil for any other text.
    public init?(text: String) {
        let parts = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2 else { return nil }
        func number(_ part: Substring) -> Int?? { part == "-" ? .some(nil) : Int(part).map { .some($0) } }
        guard let byteCount = number(parts[0]), let modified = number(parts[1]) else { return nil }
        self.init(etag: parts.count == 3 ? String(parts[2]) : nil, byteCount: byteCount, modified: modified)
    }
}

/// The answer to ``ObjectStore/head(_:)``.
public struct HeadAnswer: Sendable, Hashable {
    /// nil where there is no such object.
    public var metadata: ObjectMetadata?
    /// The store's clock, in seconds since 1970; nil where it does not say.
    public var served: Int?

    public init(metadata: ObjectMetadata?, served: Int? = nil) {
        self.metadata = metadata
        self.served = served
    }
}

/// One page of all objects below a folder, however deep.
public struct ObjectPage: Sendable {
    /// Keys below the store, and what the listing says of the objects.
    public var objects: [(key: String, metadata: ObjectMetadata)]
    /// What asks for the next page; nil on the last one.
    public var next: String?

    public init(objects: [(key: String, metadata: ObjectMetadata)], next: String? = nil) {
        self.objects = objects
        self.next = next
    }
}
