import Foundation

/// One page of a listing as S3 answers it: `list-type=2`, or `versions` as some clients ask for.
struct Listing {
    private static let most = 1000

    let index: ObjectIndex
    let bucket: String
    let query: [String: String]

    /// The answer, as XML.
    func xml() -> String {
        let prefix = query["prefix"] ?? ""
        let delimiter = query["delimiter"] ?? ""
        let areVersions = query["versions"] != nil
        let root = "\(bucket)/"
        let limit = min(Self.most, query["max-keys"].flatMap { Int($0) } ?? Self.most)
        let after = query["continuation-token"] ?? query["start-after"] ?? query["key-marker"]
        // U+10FFFF is behind whatever comes below a prefix that has been told.
        var place = index.place(of: root + max(prefix, after.map { $0 + "\u{1}" } ?? ""))
        var entries = ""
        var (count, last) = (0, "")
        while place < index.objects.count, index.objects[place].path.hasPrefix(root + prefix), count < limit {
            let object = index.objects[place]
            let key = String(object.path.dropFirst(root.count))
            count += 1
            if !delimiter.isEmpty, let end = key.dropFirst(prefix.count).range(of: delimiter) {
                let group = prefix + key.dropFirst(prefix.count)[..<end.upperBound]
                entries += "<CommonPrefixes><Prefix>\(Self.escaped(group))</Prefix></CommonPrefixes>"
                last = group + "\u{10FFFF}"
                place = index.place(of: root + last)
            } else {
                let name = areVersions ? "Version" : "Contents"
                entries +=
                    "<\(name)><Key>\(Self.escaped(key))</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified>"
                entries += "<ETag>&quot;\(object.etag)&quot;</ETag><Size>\(object.byteCount)</Size>"
                if areVersions { entries += "<VersionId>null</VersionId><IsLatest>true</IsLatest>" }
                entries += "<StorageClass>STANDARD</StorageClass></\(name)>"
                last = key
                place += 1
            }
        }
        let isTruncated = place < index.objects.count && index.objects[place].path.hasPrefix(root + prefix)
        let name = areVersions ? "ListVersionsResult" : "ListBucketResult"
        var xml =
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<\(name) xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        xml += "<Name>\(bucket)</Name><Prefix>\(Self.escaped(prefix))</Prefix><KeyCount>\(count)</KeyCount>"
        xml += "<MaxKeys>\(limit)</MaxKeys><IsTruncated>\(isTruncated)</IsTruncated>"
        if !delimiter.isEmpty { xml += "<Delimiter>\(Self.escaped(delimiter))</Delimiter>" }
        if isTruncated {
            let tag = areVersions ? "NextKeyMarker" : "NextContinuationToken"
            xml += "<\(tag)>\(Self.escaped(last))</\(tag)>"
        }
        return xml + entries + "</\(name)>"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
