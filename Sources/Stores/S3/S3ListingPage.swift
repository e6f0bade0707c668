internal import Elements

/// The answer to ListObjectsV2.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
enum S3ListingPage {
    private struct Document {
        struct Object {
            var key: String?
            var size: String?
            var etag: String?

            var byteCount: Int? { size.flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil } }
        }
        var isTruncated: String?
        var nextToken: String?
        var encodingType: String?
        var objects: [Object] = []
        var prefixes: [String] = []

        private var object = Object()

        /// Takes an element of the page. Those in an object come before it ends.
        mutating func take(_ element: XMLReader.Element) {
            let path = element.path
            switch path.count {
            case 2:
                switch path[1] {
                case "IsTruncated": isTruncated = element.text
                case "NextContinuationToken": nextToken = element.text
                case "EncodingType": encodingType = element.text
                case "Contents":
                    objects.append(object)
                    object = Object()
                default: break
                }
            case 3:
                switch (path[1], path[2]) {
                case ("Contents", "Key"): object.key = element.text
                case ("Contents", "Size"): object.size = element.text
                case ("Contents", "ETag"): object.etag = element.text
                case ("CommonPrefixes", "Prefix"): prefixes.append(element.text)
                default: break
                }
            default: break
            }
        }

        /// What follows `folder` in a name; nil for a name that does not lie there.
        func name(_ text: String?, below folder: String) -> Substring? {
            guard let text,
                let plain = encodingType == "url" ? ObjectKey.percentDecode(text, plusIsSpace: true) : text
            else { return nil }
            return ObjectKey.rest(of: plain, after: folder)
        }

        /// What asks for the next page; nil on the last one.
        var next: String? {
            get throws(Unreadable) {
                let token = nextToken.flatMap { $0.isEmpty ? nil : $0 }
                let isTruncated = isTruncated.map { $0.lowercased() == "true" } ?? (token != nil)
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
        for prefix in document.prefixes {
            guard let rest = child(prefix) else { continue }
            let name = rest.utf8.last == ObjectKey.slash ? Substring(rest.utf8.dropLast()) : rest
            if ObjectKey.isName(name) { page.prefixes.append(String(name)) } else { page.refused.append(String(name)) }
        }
        for object in document.objects {
            guard let rest = child(object.key) else { continue }
            let (name, isObject) = ObjectKey.firstComponent(of: rest)
            guard ObjectKey.isName(name) else {
                if !name.isEmpty { page.refused.append(String(name)) }
                continue
            }
            if !isObject {
                page.prefixes.append(String(name))
            } else {
                let etag = object.etag.map(ETag.unquoted)
                page.objects.append(ListedObject(name: String(name), size: object.byteCount, etag: etag))
            }
        }

        page.next = try document.next
        return page
    }

    /// Reads one page of all objects below a folder, however deep.
    ///
    /// - Parameters:
    ///   - folder: what was asked for, "" or with a slash at the end.
    /// - root: the folder of the store's URL, "" or with a slash at the end.
    static func readDeep(_ bytes: ByteBuffer, folder: String, root: String) throws(Unreadable) -> ObjectPage {
        let document = try document(bytes)
        var page = ObjectPage(objects: [])
        for object in document.objects {
            guard document.name(object.key, below: folder) != nil, let key = document.name(object.key, below: root)
            else { continue }
            page.objects.append(
                (
                    key: String(key),
                    metadata: ObjectMetadata(
                        etag: object.etag.map(ETag.unquoted), byteCount: object.byteCount)
                ))
        }
        page.next = try document.next
        return page
    }

    private static func document(_ bytes: ByteBuffer) throws(Unreadable) -> Document {
        guard XMLReader.rootName(bytes) == "ListBucketResult" else {
            throw Unreadable(
                code: .malformedListing, message: "the listing (\(bytes.count) bytes) is no ListBucketResult")
        }
        var document = Document()
        do throws(XMLReader.Fault) {
            try XMLReader.read(bytes) { document.take($0) }
        } catch {
            switch error {
            case .torn:
                throw Unreadable(
                    code: .shortBody, message: "the listing ends in its middle, after \(bytes.count) bytes")
            case .malformed(let reason):
                throw Unreadable(
                    code: .malformedListing,
                    message: "the listing (\(bytes.count) bytes) is no XML that can be read: \(reason)")
            }
        }
        return document
    }
}
