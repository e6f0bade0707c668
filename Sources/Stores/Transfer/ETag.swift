/// The entity tags of HTTP (RFC 9110, section 8.8.3): a store gives each version of an object another one.
enum ETag {
    /// The tag without its quotes (`W/` stays). Some servers send it without quotes.
    static func unquoted(_ text: String) -> String {
        let isWeak = text.hasPrefix("W/")
        var tag = isWeak ? text.dropFirst(2) : text[...]
        if tag.hasPrefix("\""), tag.hasSuffix("\""), tag.utf8.count >= 2 { tag = tag.dropFirst().dropLast() }
        return (isWeak ? "W/" : "") + tag
    }

    /// The MD5 of the whole object that its ETag should be, in lower case. nil where the tag is something else: for multipart uploads, for
    /// encryption with keys of KMS or of the customer, and for servers with tags of their own.
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
