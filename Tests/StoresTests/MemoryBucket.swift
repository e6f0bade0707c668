import Elements

@testable import Stores

/// Objects as a server of S3, or a plain web server with pages for its folders, has them.
struct MemoryBucket: Sendable {
    private let objects: [ByteName: [UInt8]]

    /// - Parameter prefix: stands before each key.
    init(_ objects: [ByteName: [UInt8]], prefix: String) {
        self.objects = Dictionary(uniqueKeysWithValues: objects.map { (ByteName(prefix + $0.key.text), $0.value) })
    }

    private func object(_ key: String) -> MiniServer.Reply? {
        objects[ByteName(key)].map { .object($0, headers: ["ETag": "\"\(MD5.hexadecimal($0))\""]) }
    }

    func s3(_ request: MiniServer.Request) -> MiniServer.Reply {
        let parts = request.target.split(separator: "?", maxSplits: 1).map(String.init)
        let path = ObjectKey.percentDecode(parts[0].dropFirst("/bucket".utf8.count), plusIsSpace: false) ?? ""
        guard path.utf8.count <= 1 else {
            return object(path.droppingBytes(1)) ?? .answer(404, body: "<Error><Code>NoSuchKey</Code></Error>")
        }
        var query: [String: String] = [:]
        for pair in parts.count > 1 ? parts[1].split(separator: "&") : [] {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            query[String(sides[0])] = ObjectKey.percentDecode(sides[1], plusIsSpace: false)
        }
        return page(query)
    }

    /// Three entries a page; the token is the last of the page before.
    private func page(_ query: [String: String]) -> MiniServer.Reply {
        let prefix = query["prefix"] ?? ""
        var entries: [(name: String, xml: String)] = []
        for key in objects.keys.sorted() where key.text.hasBytePrefix(prefix) {
            let rest = key.text.droppingBytes(prefix.utf8.count)
            if query["delimiter"] == "/", rest.hasByte("/") {
                let folder = prefix + (rest.pathComponents(keepingEmpty: true).first ?? "") + "/"
                guard entries.last?.name.hasSameBytes(as: folder) != true else { continue }
                entries.append((folder, "<CommonPrefixes><Prefix>\(encoded(folder))</Prefix></CommonPrefixes>"))
            } else {
                let bytes = objects[key] ?? []
                entries.append(
                    (
                        key.text,
                        "<Contents><Key>\(encoded(key.text))</Key><Size>\(bytes.count)</Size>"
                            + "<ETag>&quot;\(MD5.hexadecimal(bytes))&quot;</ETag></Contents>"
                    ))
            }
        }
        if let token = query["continuation-token"] { entries = entries.filter { ByteName(token) < ByteName($0.name) } }
        let page = entries.prefix(3)
        var xml = "<IsTruncated>\(entries.count > 3)</IsTruncated><Prefix>\(encoded(prefix))</Prefix>"
        xml += "<EncodingType>url</EncodingType>" + page.map(\.xml).joined()
        if entries.count > 3, let last = page.last {
            xml += "<NextContinuationToken>\(escaped(last.name))</NextContinuationToken>"
        }
        return .answer(200, body: "<?xml version=\"1.0\"?><ListBucketResult>\(xml)</ListBucketResult>")
    }

    private func encoded(_ key: String) -> String { ObjectKey.percentEncode(key, keepingSlashes: true) }

    private func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
    }

    func http(_ request: MiniServer.Request) -> MiniServer.Reply {
        let path = ObjectKey.percentDecode(request.target.dropFirst("/data/".utf8.count), plusIsSpace: false) ?? ""
        guard path.isEmpty || path.hasByteSuffix("/") else { return object(path) ?? .answer(404) }
        let names = objects.keys.filter { $0.text.hasBytePrefix(path) }.map { key in
            let rest = key.text.droppingBytes(path.utf8.count)
            let name = rest.pathComponents(keepingEmpty: true).first ?? ""
            return ByteName(rest.hasByte("/") ? name + "/" : name)
        }
        guard !names.isEmpty else { return .answer(404) }
        let links = Set(names).sorted().map { "<a href=\"\(encoded($0.text))\">\(escaped($0.text))</a>" }
        return .answer(200, body: "<html><body><a href=\"../\">..</a>\(links.joined())</body></html>")
    }
}
