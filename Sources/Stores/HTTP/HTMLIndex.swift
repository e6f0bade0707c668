internal import Elements

/// The HTML index of a folder, as nginx, Apache or `python -m http.server` make it. Links to direct children of the folder count; all
/// others are ignored.
enum HTMLIndex {
    /// - Parameter address: the URL of the page, with its slash at the end.
    /// - Returns: nil where the body is no HTML with links or the title of an index.
    static func read(_ body: ByteBuffer, address: String) -> ListingPage? {
        let text = body.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        guard text.contains("<") else { return nil }
        var page = ListingPage()
        var links = 0
        forEachLink(in: text) { link in
            links += 1
            add(link, to: &page, address: address)
        }
        if links == 0 {
            let lower = text.prefix(4096).lowercased()
            guard lower.contains("index of") || lower.contains("directory listing") else { return nil }
        }
        return page
    }

    private static func add(_ link: String, to page: inout ListingPage, address: String) {
        guard let name = child(link, address: address) else { return }
        if name.utf8.last == ObjectKey.slash {
            let folder = Substring(Substring(name).utf8.dropLast())
            if ObjectKey.isName(folder) { page.prefixes.append(String(folder)) }
        } else if ObjectKey.isName(name) {
            page.objects.append(ListedObject(name: name, size: nil, etag: nil))
        }
    }

    /// The values of `href` of all `<a>` elements, entities resolved.
    private static func forEachLink(in text: String, _ take: (String) -> Void) {
        let bytes = Array(text.utf8)
        var index = 0
        while index + 2 < bytes.count {
            guard bytes[index] == UInt8(ascii: "<"), bytes[index + 1] | 0x20 == UInt8(ascii: "a"),
                bytes[index + 2] <= UInt8(ascii: " ")
            else {
                index += 1
                continue
            }
            let end = bytes[index...].firstIndex(of: UInt8(ascii: ">")) ?? bytes.count
            if let value = href(in: bytes[index..<end]) { take(value) }
            index = end
        }
    }

    private static func href(in tag: ArraySlice<UInt8>) -> String? {
        let name = Array("href".utf8)
        var index = tag.startIndex + 2
        while index + name.count < tag.endIndex {
            let isStart = tag[index - 1] <= UInt8(ascii: " ")
            guard isStart, tag[index..<(index + 4)].map({ $0 | 0x20 }) == name else {
                index += 1
                continue
            }
            var rest = tag[(index + 4)...].drop { $0 <= UInt8(ascii: " ") }
            guard rest.first == UInt8(ascii: "=") else { return nil }
            rest = rest.dropFirst().drop { $0 <= UInt8(ascii: " ") }
            let value: ArraySlice<UInt8>
            if let quote = rest.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
                value = rest.dropFirst().prefix { $0 != quote }
            } else {
                value = rest.prefix { $0 > UInt8(ascii: " ") }
            }
            return withoutEntities(String(decoding: value, as: UTF8.self))
        }
        return nil
    }

    private static func withoutEntities(_ text: String) -> String {
        guard text.contains("&") else { return text }
        let named = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&amp;", "&")]
        return named.reduce(text) { $0.replacing($1.0, with: $1.1) }
    }

    /// The name of a direct child, with a slash at the end for a folder; nil for every other link.
    static func child(_ link: String, address: String) -> String? {
        let link = Substring(Substring(link).utf8.prefix { $0 != UInt8(ascii: "#") })
        guard !link.utf8.contains(UInt8(ascii: "?")), !link.isEmpty, let path = path(of: address[...]) else {
            return nil
        }
        var relative = link
        if ObjectKey.rest(of: link, after: "//") != nil { return nil }
        if let colon = link.utf8.firstIndex(of: UInt8(ascii: ":")), !link[..<colon].utf8.contains(ObjectKey.slash) {
            // A link with a scheme must begin with the folder's own address.
            let origin = Substring(Substring(address).utf8.dropLast(path.utf8.count))
            guard let rest = ObjectKey.rest(of: link, after: origin), rest.utf8.first == ObjectKey.slash else {
                return nil
            }
            relative = rest
        }
        if relative.utf8.first == ObjectKey.slash {
            guard let plain = ObjectKey.percentDecode(relative, plusIsSpace: false),
                let base = ObjectKey.percentDecode(path, plusIsSpace: false),
                let name = ObjectKey.rest(of: plain, after: base)
            else { return nil }
            return name.isEmpty ? nil : String(name)
        }
        while let rest = ObjectKey.rest(of: relative, after: "./") { relative = rest }
        return ObjectKey.percentDecode(relative, plusIsSpace: false)
    }

    /// The path of an address, without query and fragment.
    private static func path(of address: Substring) -> Substring? {
        guard let authority = address.firstRange(of: "://")?.upperBound else { return nil }
        let path = address[authority...].utf8.drop { $0 != ObjectKey.slash }
        return Substring(path.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
    }
}
