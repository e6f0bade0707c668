/// What tells one version of an object from another: whatever the store says of it.
public struct ObjectMark: Sendable, Hashable {
    /// The store's version mark, without quotes; nil where it gives none.
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

    /// Whether both are certainly of the same version. Marks that say too little are of none.
    public func isSame(as other: ObjectMark) -> Bool {
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

    /// - Returns: nil for a text that is no mark.
    public init?(text: String) {
        let parts = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2 else { return nil }
        func number(_ part: Substring) -> Int?? { part == "-" ? .some(nil) : Int(part).map { .some($0) } }
        guard let byteCount = number(parts[0]), let modified = number(parts[1]) else { return nil }
        self.init(etag: parts.count == 3 ? String(parts[2]) : nil, byteCount: byteCount, modified: modified)
    }
}

/// What a store says of an object when it is only asked for its mark.
public struct MarkAnswer: Sendable, Hashable {
    /// nil where there is no such object.
    public var mark: ObjectMark?
    /// The store's clock, in seconds since 1970; nil where it does not say.
    public var served: Int?

    public init(mark: ObjectMark?, served: Int? = nil) {
        self.mark = mark
        self.served = served
    }
}

/// One page of all objects below a folder, however deep.
public struct ObjectPage: Sendable {
    /// Keys below the store, and marks.
    public var objects: [(key: String, mark: ObjectMark)]
    /// What asks for the next page; nil on the last one.
    public var next: String?

    public init(objects: [(key: String, mark: ObjectMark)], next: String? = nil) {
        self.objects = objects
        self.next = next
    }
}
