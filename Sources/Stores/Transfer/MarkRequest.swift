internal import Synchronization

/// Asks a server for the mark of an object: by HEAD, or, where it does not answer HEAD, for the first byte. Belongs to one store, because
/// it learns which of the two its server knows.
final class MarkRequest: Sendable {
    private let knowsHead = Mutex(true)

    /// - Parameters:
    ///   - provesAbsence: whether an answer, to HEAD or to GET, proves that there is no such object.
    ///   - send: sends a request for a part, or for the header alone.
    func ask(
        name: String, isSigned: Bool, provesAbsence: (_ response: HTTPResponse, _ isHead: Bool) -> Bool,
        send: (_ part: ObjectPart, _ isHead: Bool) async throws(StoreError) -> HTTPResponse
    ) async throws(StoreError) -> MarkAnswer {
        if knowsHead.withLock({ $0 }) {
            let response = try await send(.whole, true)
            switch response.status {
            case 200: return MarkAnswer(mark: response.mark, served: response.served)
            case 404 where provesAbsence(response, true), 410 where provesAbsence(response, true):
                return MarkAnswer(mark: nil, served: response.served)
            // The answer to GET says more.
            case 400, 403, 404, 405, 410, 501: break
            default: throw StoreError(answer: response, url: name, isSigned: isSigned)
            }
        }
        let response = try await send(.range(0..<1), false)
        switch response.status {
        case 200, 206:
            // It answers GET, but not HEAD.
            knowsHead.withLock { $0 = false }
            return MarkAnswer(mark: response.mark, served: response.served)
        case 404 where provesAbsence(response, false), 410 where provesAbsence(response, false):
            return MarkAnswer(mark: nil, served: response.served)
        case 416:
            // There is no first byte.
            let mark = ObjectMark(
                etag: response.headers["etag"].map(ETag.unquoted), byteCount: 0, modified: response.modified)
            return MarkAnswer(mark: mark, served: response.served)
        default:
            throw StoreError(answer: response, url: name, isSigned: isSigned)
        }
    }
}

extension HTTPResponse {
    /// The object, or a part of it, that an answer of status 200 or 206 holds.
    var object: StoredObject {
        let mark = mark
        return StoredObject(
            bytes: body, etag: mark.etag, objectByteCount: mark.byteCount, modified: mark.modified, served: served)
    }
}
