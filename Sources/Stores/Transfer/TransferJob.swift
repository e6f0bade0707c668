internal import Synchronization

/// A request on its way through the ``TransferLoop``, and the caller that waits for the answer.
final class TransferJob: Sendable {
    typealias Answer = Result<HTTPResponse, StoreError>

    let request: HTTPRequest
    private let isCancelledFlag = Atomic<Bool>(false)
    private let waiting = Mutex<CheckedContinuation<Answer, Never>?>(nil)

    init(_ request: HTTPRequest) { self.request = request }

    var isCancelled: Bool { isCancelledFlag.load(ordering: .acquiring) }
    func cancel() { isCancelledFlag.store(true, ordering: .releasing) }

    func await(_ continuation: CheckedContinuation<Answer, Never>) { waiting.withLock { $0 = continuation } }

    /// Hands the answer over; only the first one counts.
    func answer(_ result: Answer) {
        let continuation = waiting.withLock { state in
            defer { state = nil }
            return state
        }
        continuation?.resume(returning: result)
    }

    func fail(_ code: StoreError.Code, _ message: String) { answer(.failure(failure(code, message))) }

    func failure(_ code: StoreError.Code, _ message: String, status: Int? = nil) -> StoreError {
        StoreError(code, url: request.name, message: message, httpStatus: status)
    }
}
