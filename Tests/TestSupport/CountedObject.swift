internal import Elements
package import Volumes

/// An object in memory that counts what is fetched of it.
package actor CountedObject {
    private let bytes: [UInt8]?
    private let saysSize: Bool
    package private(set) var requests: [ShardReader.Part] = []
    package private(set) var fetchedByteCount = 0

    /// - Parameter saysSize: whether answers say how large the object is.
    package init(_ bytes: [UInt8]?, saysSize: Bool = true) {
        self.bytes = bytes
        self.saysSize = saysSize
    }

    package func fetch(_ part: ShardReader.Part) -> ShardReader.Answer? {
        requests.append(part)
        guard let bytes else { return nil }
        let range =
            switch part {
            case .range(let range): range.clamped(to: 0..<bytes.count)
            case .suffix(let count): max(0, bytes.count - count)..<bytes.count
            }
        fetchedByteCount += range.count
        return ShardReader.Answer(
            bytes: ByteBuffer(bytes[range]), objectByteCount: saysSize ? bytes.count : nil)
    }
}
