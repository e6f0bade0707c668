internal import Elements

/// The answer to ListObjectsV2.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
enum S3ListingPage {
    private struct Document: Decodable {
        struct Object: Decodable {
            var Key: String?
            var Size: String?
            var ETag: String?
        }
        struct CommonPrefix: Decodable {
            var Prefix: String?
        }
        var IsTruncated: String?
        var NextContinuationToken: String?
        var EncodingType: String?
        var Contents: [Object]?
        var CommonPrefixes: [CommonPrefix]?

        /// What follows `folder` in a name; nil for a name that does not lie there.
        func name(_ text: String?, below folder: String) -> Substring? {
            guard let text,
                let plain = EncodingType == "url" ? ObjectKey.percentDecode(text, plusIsSpace: true) : text
            else { return nil }
            return ObjectKey.rest(of: plain, after: folder)
        }

        /// What asks for the next page; nil on the last one.
        var next: String? {
            get throws(Unreadable) {
                let token = NextContinuationToken.flatMap { $0.isEmpty ? nil : $0 }
                let isTruncated = IsTruncated.map { $0.lowercased() == "true" } ?? (token != nil)
                guard isTruncated else { return nil }
                guard let token else {
                    throw Unreadable(
                        code: .malformedListing, message: "the listing is truncated, but has no continuation token")
                }
                return token
            }
        }
    }

    /// A page that cannot be used.
    struct Unreadable: Error {
        let code: StoreError.Code
        let message: String
    }

    /// Reads one page.
    ///
    /// Names that could not be a component of a key (`..`, empty, with control characters), and everything outside
    /// `folder`, are dropped. A key deeper than one level counts as a folder: not every server knows delimiters.
    ///
    /// - Parameter folder: what was asked for, "" or with a slash at the end.
    static func read(_ bytes: ByteBuffer, folder: String) throws(Unreadable) -> ListingPage {
        let document = try document(bytes)
        func child(_ text: String?) -> Substring? { document.name(text, below: folder) }

        var page = ListingPage()
        for common in document.CommonPrefixes ?? [] {
            guard let rest = child(common.Prefix) else { continue }
            let name = rest.utf8.last == ObjectKey.slash ? Substring(rest.utf8.dropLast()) : rest
            if ObjectKey.isName(name) { page.prefixes.append(String(name)) }
        }
        for object in document.Contents ?? [] {
            guard let rest = child(object.Key) else { continue }
            let (name, isObject) = ObjectKey.head(of: rest)
            guard ObjectKey.isName(name) else { continue }
            if !isObject {
                page.prefixes.append(String(name))
            } else {
                let size = object.Size.flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
                let etag = object.ETag.map(ETag.unquoted)
                page.objects.append(ListedObject(name: String(name), size: size, etag: etag))
            }
        }

        page.next = try document.next
        return page
    }

    /// Reads one page of all objects below a folder, however deep.
    ///
    /// - Parameters:
    ///   - folder: what was asked for, "" or with a slash at the end.
    ///   - root: what the store's keys are below of, likewise.
    static func readDeep(_ bytes: ByteBuffer, folder: String, root: String) throws(Unreadable) -> ObjectPage {
        let document = try document(bytes)
        var page = ObjectPage(objects: [])
        for object in document.Contents ?? [] {
            guard document.name(object.Key, below: folder) != nil, let key = document.name(object.Key, below: root)
            else { continue }
            page.objects.append(
                (
                    key: String(key),
                    mark: ObjectMark(
                        etag: object.ETag.map(ETag.unquoted), byteCount: object.Size.flatMap { Int($0) })
                ))
        }
        page.next = try document.next
        return page
    }

    private static func document(_ bytes: ByteBuffer) throws(Unreadable) -> Document {
        guard S3XML.rootName(bytes) == "ListBucketResult" else {
            throw Unreadable(
                code: .malformedListing, message: "the listing (\(bytes.count) bytes) is no ListBucketResult")
        }
        guard isComplete(bytes) else {
            throw Unreadable(code: .shortBody, message: "the listing ends in its middle, after \(bytes.count) bytes")
        }
        guard let document = S3XML.decode(Document.self, from: bytes) else {
            throw Unreadable(
                code: .malformedListing, message: "the listing (\(bytes.count) bytes) is not well-formed XML")
        }
        return document
    }

    private static func isComplete(_ bytes: ByteBuffer) -> Bool {
        bytes.withUnsafeBytes { text in
            guard let last = text.lastIndex(where: { $0 > UInt8(ascii: " ") }) else { return false }
            return text[...last].suffix(2).elementsEqual("/>".utf8)
                || text[...last].suffix(19).elementsEqual("</ListBucketResult>".utf8)
        }
    }
}
