import Elements
import Stores

/// A store that does one thing wrong.
struct FaultyStore: ObjectStore {
    enum Fault: CaseIterable {
        case otherBytes, rangesAreShifted, suffixesAreBeginnings, rangesBeyondTheEndAreEmpty, anySize, otherSize
        case missingIsEmpty, badKeysAreMissing, otherMarks, noMarks, listsTooLittle, listsFoldersAsObjects, otherSizes
    }

    let base: any ObjectStore
    let fault: Fault

    var url: StoreURL { base.url }

    func get(_ key: String, part: ObjectPart, maximumBytes: Int) async throws(StoreError) -> StoredObject? {
        var part = part
        switch (fault, part) {
        case (.rangesAreShifted, .range(let range)) where range.lowerBound > 0:
            part = .range(range.lowerBound - 1..<range.upperBound - 1)
        case (.suffixesAreBeginnings, .suffix(let count)) where count > 0: part = .range(0..<count)
        default: break
        }
        let found: StoredObject?
        do throws(StoreError) {
            found = try await base.get(key, part: part, maximumBytes: fault == .anySize ? 1 << 30 : maximumBytes)
        } catch {
            switch fault {
            case .rangesBeyondTheEndAreEmpty where error.code == .badRequest:
                return StoredObject(bytes: ByteBuffer([UInt8]()), etag: nil)
            case .badKeysAreMissing where error.code == .badKey: return nil
            default: throw error
            }
        }
        guard let found else { return fault == .missingIsEmpty ? StoredObject(bytes: ByteBuffer("x"), etag: nil) : nil }
        var bytes = found.bytes.array
        if fault == .otherBytes, !bytes.isEmpty { bytes[bytes.count - 1] ^= 1 }
        let size = found.objectByteCount.map { fault == .otherSize ? $0 + 1 : $0 }
        return StoredObject(bytes: ByteBuffer(bytes), etag: found.etag, objectByteCount: size, modified: found.modified)
    }

    func head(_ key: String) async throws(StoreError) -> HeadAnswer {
        var answer = try await base.head(key)
        if fault == .otherMarks { answer.metadata?.etag = "other" }
        if fault == .noMarks { answer.metadata = nil }
        return answer
    }

    func list(_ prefix: String) async throws(StoreError) -> Listing {
        var listing = try await base.list(prefix)
        switch fault {
        case .listsTooLittle: listing.objects = listing.objects.dropLast()
        case .listsFoldersAsObjects:
            listing.objects += listing.prefixes.map { ListedObject(name: $0, size: nil, etag: nil) }
        case .otherSizes:
            listing.objects = listing.objects.map {
                ListedObject(name: $0.name, size: $0.size.map { $0 + 1 }, etag: $0.etag)
            }
        default: break
        }
        return listing
    }
}
