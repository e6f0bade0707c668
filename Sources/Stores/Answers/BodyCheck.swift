internal import Elements
internal import Synchronization

/// Compares bodies with their ETags. Belongs to one store, because it learns whether that store's ETags are MD5s.
final class BodyCheck: Sendable {
    private struct Fetch: Equatable {
        let digest: String
        let count: Int
    }
    private struct Memory {
        /// The last fetch of a key, where it differed from the ETag.
        var differing: [ByteName: Fetch] = [:]
        var isProven = false
        var disproofs = 0
    }

    private let memory = Mutex(Memory())
    /// So many objects whose bytes come out alike twice, but never like their ETag, and none that does: no MD5s here.
    private static let disproofsNeeded = 3

    /// Checks a whole object.
    ///
    /// Once a body of this store has matched, its ETags are MD5s, and one that differs is an error to the end. Before, two complete fetches
    /// in a row with the same digest and length are believed: there are servers whose ETags look like MD5s and are not.
    ///
    /// - Throws: ``StoreError/Code/corruptBody``, which is worth another try.
    func check(_ body: ByteBuffer, headers: [String: String], key: String, url: String) async throws(StoreError) {
        guard let expected = ETag.digest(headers) else { return }
        let isHopeless = memory.withLock { !$0.isProven && $0.disproofs >= Self.disproofsNeeded }
        if isHopeless { return }
        let digest = await BodyDigests.shared.digest(of: body).hexadecimal
        let isBelieved = memory.withLock { memory in
            if digest == expected {
                memory.isProven = true
                memory.differing = [:]
                return true
            }
            let fetch = Fetch(digest: digest, count: body.count)
            if !memory.isProven, memory.differing[ByteName(key)] == fetch {
                memory.differing[ByteName(key)] = nil
                memory.disproofs += 1
                return true
            }
            if !memory.isProven { memory.differing[ByteName(key)] = fetch }
            return false
        }
        guard isBelieved else {
            throw StoreError(
                .corruptBody, url: url,
                message: "\(body.count) bytes have the MD5 \(digest), but the ETag says \(expected)", httpStatus: 200)
        }
    }
}
