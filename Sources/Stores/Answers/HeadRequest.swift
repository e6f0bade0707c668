internal import Synchronization

/// Asks a server for an object's metadata: by HEAD or, where the server does not answer HEAD, with the first byte. Each store has its own,
/// which learns what the server knows.
final class HeadRequest: Sendable {
    private let knowsHead = Mutex(true)

    /// - Parameters:
    ///   - provesAbsence: whether an answer, to HEAD or to GET, proves that there is no such object.
    ///   - send: sends a request for a part, or for the header alone.
    func ask(
        name: String, isSigned: Bool, provesAbsence: (_ response: HTTPResponse, _ isHead: Bool) -> Bool,
        send: (_ part: ObjectPart, _ isHead: Bool) async throws(StoreError) -> HTTPResponse
    ) async throws(StoreError) -> HeadAnswer {
        if knowsHead.withLock({ $0 }) {
            let response = try await send(.whole, true)
            switch response.status {
            case 200: return HeadAnswer(metadata: response.metadata, served: response.served)
            case 404 where provesAbsence(response, true), 410 where provesAbsence(response, true):
                return HeadAnswer(metadata: nil, served: response.served)
            // The answer to GET has a body with a reason.
            case 400, 403, 404, 405, 410, 501: break
            default: throw StoreError(answer: response, url: name, isSigned: isSigned)
            }
        }
        let response = try await send(.range(0..<1), false)
        switch response.status {
        case 200, 206:
            // It answers GET, but not HEAD.
            knowsHead.withLock { $0 = false }
            return HeadAnswer(metadata: response.metadata, served: response.served)
        case 404 where provesAbsence(response, false), 410 where provesAbsence(response, false):
            return HeadAnswer(metadata: nil, served: response.served)
        case 416:
            // The object is empty.
            let metadata = ObjectMetadata(
                etag: response.headers["etag"].map(ETag.unquoted), byteCount: 0, modified: response.modified)
            return HeadAnswer(metadata: metadata, served: response.served)
        default:
            throw StoreError(answer: response, url: name, isSigned: isSigned)
        }
    }
}
