internal import Elements
internal import JSONText

/// `autoindex_format json` of nginx: `[{"name": "s0", "type": "directory"}, {"name": ".zattrs", "size": 12, …}]`.
///
/// <https://nginx.org/en/docs/http/ngx_http_autoindex_module.html>
enum JSONIndex {
    /// Values take many times the memory of their text.
    private static let maximumBytes = 16 << 20

    /// - Returns: nil where the body is something else.
    static func read(_ body: ByteBuffer) -> ListingPage? {
        guard body.count <= maximumBytes else { return nil }
        let isArray = body.withUnsafeBytes { $0.first { $0 > UInt8(ascii: " ") } == UInt8(ascii: "[") }
        guard isArray, case .array(let entries)? = try? JSONValue(parsing: body.array) else { return nil }
        var page = ListingPage()
        for entry in entries {
            guard case .object(let fields) = entry, let name = fields["name"]?.string, ObjectKey.isName(name) else {
                continue
            }
            switch fields["type"]?.string {
            case "directory": page.prefixes.append(name)
            case "file":
                let size = fields["size"]?.integer.flatMap { $0 >= 0 ? $0 : nil }
                page.objects.append(ListedObject(name: name, size: size, etag: nil))
            default: continue
            }
        }
        return page
    }
}
