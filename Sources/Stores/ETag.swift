/// Version marks of objects.
enum ETag {
    /// The mark without its quotes (`W/` stays); some servers send it without in the first place.
    static func unquoted(_ text: String) -> String {
        let isWeak = text.hasPrefix("W/")
        var mark = isWeak ? text.dropFirst(2) : text[...]
        if mark.hasPrefix("\""), mark.hasSuffix("\""), mark.utf8.count >= 2 { mark = mark.dropFirst().dropLast() }
        return (isWeak ? "W/" : "") + mark
    }

    /// The MD5 that the ETag of a whole object should be, in lower case; nil where it is something else: multipart
    /// uploads, encryption with keys of KMS or the customer's, other servers' own marks.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>
    static func digest(_ headers: [String: String]) -> String? {
        guard let etag = headers["etag"].map(unquoted), etag.utf8.count == 32,
            etag.utf8.allSatisfy({ ObjectKey.hexadecimal($0) != nil })
        else { return nil }
        if let encryption = headers["x-amz-server-side-encryption"], encryption != "AES256" { return nil }
        if headers["x-amz-server-side-encryption-customer-algorithm"] != nil { return nil }
        return etag.lowercased()
    }
}
