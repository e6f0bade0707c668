/// Makes objects of answers. Each store has its own, which learns what its server's ETags and codings mean.
struct BodyReader: Sendable {
    private let check = BodyCheck()
    private let plainObjects = PlainObjects()

    /// The object, or the part of it, that an answer of status 200 or 206 holds: checked, and without its content coding.
    ///
    /// - Parameter beginning: asks for the first three bytes of the object.
    func object(
        _ response: HTTPResponse, key: String, part: ObjectPart, maximumBytes: Int, name: String,
        beginning: () async throws(StoreError) -> HTTPResponse
    ) async throws(StoreError) -> StoredObject {
        if part == .whole { try await check.check(response.body, headers: response.headers, key: key, url: name) }
        guard let label = ContentCoding.label(response.headers) else { return response.object }
        if part == .whole {
            return try await ContentCoding.decoded(
                response.object, label: label, maximumBytes: maximumBytes, name: name)
        }
        try await plainObjects.check(key, label: label, name: name) { () throws(StoreError) in
            let first = try await beginning()
            return [200, 206].contains(first.status) ? first.body : nil
        }
        return response.object
    }
}

extension HTTPResponse {
    /// The object, or a part of it, that an answer of status 200 or 206 holds.
    fileprivate var object: StoredObject {
        let metadata = metadata
        return StoredObject(
            bytes: body, etag: metadata.etag, objectByteCount: metadata.byteCount, modified: metadata.modified,
            served: served)
    }
}
