internal import Elements
internal import Synchronization

/// Compares bodies with their ETags. Each store has its own, which learns whether the store's ETags are MD5s.
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
    /// After this many stable mismatches, and no match, the ETags are not MD5s.
    private static let disproofsNeeded = 3

    /// Checks a whole object.
    ///
    /// After the first match, the store's ETags are known to be MD5s, and a mismatch is always an error. Before the first match, a body is
    /// accepted when two fetches in a row have the same digest and length, because some servers' ETags only look like MD5s.
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
