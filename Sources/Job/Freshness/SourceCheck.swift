public import Arrays
internal import Elements
internal import Geometry
internal import Ledger
public import Stores
internal import Threads

/// Asks the store whether objects are still the versions that an item was made from.
///
/// Where the whole of an array can be listed with fewer requests than there are objects to ask for, it is listed. A mark in a listing that
/// differs proves nothing, for some servers list other marks than they send: those objects are asked for one by one.
public struct SourceCheck: Sendable {
    /// Keys on a page of a listing.
    private static let pageKeys = 1000
    /// Objects whose versions are compared with one listing; there are 32 bytes of each in memory.
    private static let listedObjects = 1 << 20
    /// More objects than this in an array are never listed.
    private static let maximumPages = 100_000

    public let store: any ObjectStore
    public let stop: StopSignal
    public let arrays: [PlannedArray]

    public init(store: any ObjectStore, stop: StopSignal, arrays: [PlannedArray]) {
        (self.store, self.stop, self.arrays) = (store, stop, arrays)
    }

    /// The versions that the store does not have any more.
    ///
    /// - Parameter isOneEnough: stop at the first.
    public func changes(in file: VersionFile, isOneEnough: Bool = false) async throws -> [ObjectVersion] {
        var counts = [Int](repeating: 0, count: arrays.count + 1)
        try await forEachPart(of: file) { versions in
            for version in versions { counts[array(of: version.key)] += 1 }
            return true
        }
        var listed: Set<Int> = []
        var changes: [ObjectVersion] = []
        for (number, array) in arrays.enumerated() where isListingCheaper(array, than: counts[number]) {
            guard let found = try await listedChanges(number, count: counts[number], in: file, isOneEnough) else {
                continue
            }
            listed.insert(number)
            changes += found
            if isOneEnough, !changes.isEmpty { return changes }
        }
        let done = listed
        let rest = try await asked(file, isOneEnough: isOneEnough) { !done.contains(array(of: $0.key)) }
        return changes + rest
    }

    /// Of some versions those that the store does not have any more, asked for one by one; and the earliest time by its clock.
    public func changes(in versions: [ObjectVersion]) async throws -> (changes: [ObjectVersion], served: Int?) {
        let (store, stop) = (store, stop)
        let answers = try await concurrentMap(versions) { version in
            try stop.check()
            return try await store.head(version.key)
        }
        let changes = zip(versions, answers).filter { !$0.isSame(as: $1.metadata) }.map { $0.0 }
        return (changes, answers.compactMap(\.served).min())
    }

    private func forEachPart(
        of file: VersionFile, _ body: ([ObjectVersion]) async throws -> Bool
    ) async throws {
        var position = file.first
        while true {
            try stop.check()
            let place = position
            let part = try await ThreadPool.files.run { () throws(LedgerError) in try file.part(at: place) }
            guard let part, try await body(part.versions) else { return }
            position = part.next
        }
    }

    private func asked(
        _ file: VersionFile, isOneEnough: Bool, where isMeant: (ObjectVersion) -> Bool
    ) async throws -> [ObjectVersion] {
        var changes: [ObjectVersion] = []
        try await forEachPart(of: file) { versions in
            let meant = versions.filter(isMeant)
            if !meant.isEmpty { changes += try await self.changes(in: meant).changes }
            return !isOneEnough || changes.isEmpty
        }
        return changes
    }

    /// The number of the array that an object belongs to; that of the last one and one for others.
    private func array(of key: String) -> Int {
        arrays.firstIndex { array in
            let name = array.plan.key
            return key.hasBytePrefix(name + "/")
        } ?? arrays.count
    }

    // MARK: Listings

    private func isListingCheaper(_ array: PlannedArray, than count: Int) -> Bool {
        guard let pages = pages(of: array) else { return false }
        return pages < count && pages <= Self.maximumPages
    }

    /// Pages of a listing of all objects that an array may have.
    private func pages(of array: PlannedArray) -> Int? {
        let grid = array.plan.grid.shape.zip(array.objectShape) { ($0 + $1 - 1) / max(1, $1) }
        return grid.checkedProduct.map { $0 / Self.pageKeys + 1 }
    }

    /// Of the objects of one array those that have changed; nil where the store cannot list them.
    private func listedChanges(
        _ number: Int, count: Int, in file: VersionFile, _ isOneEnough: Bool
    ) async throws -> [ObjectVersion]? {
        let mostPages = 4 * (pages(of: arrays[number]) ?? 1) + 16
        let passes = UInt64(count / Self.listedObjects + 1)
        var changes: [ObjectVersion] = []
        for pass in 0..<passes {
            var table: [UInt64: UInt64] = [:]
            try await forEachPart(of: file) { versions in
                for version in versions where array(of: version.key) == number {
                    let name = Self.hash(version.key)
                    guard name % passes == pass else { continue }
                    table[name] = version.mark.map { $0.etag == nil ? Self.unlike : Self.hash($0) } ?? Self.absent
                }
                return true
            }
            var token: String?
            var pages = 0
            repeat {
                try stop.check()
                pages += 1
                // Several times the pages of the array: it does not end, or goes round in circles. Its objects are asked for.
                guard pages <= mostPages else { return nil }
                guard let page = try await store.objects(below: arrays[number].plan.key, after: token) else {
                    return nil
                }
                for (key, mark) in page.objects {
                    let name = Self.hash(key)
                    guard let known = table[name] else { continue }
                    if known == Self.hash(mark) { table[name] = nil }
                    if known == Self.absent { table[name] = Self.unlike }
                }
                token = page.next
            } while token != nil
            // What is left is not there as it was.
            let suspects = table.filter { $0.value != Self.absent }
            if suspects.isEmpty { continue }
            changes += try await asked(file, isOneEnough: isOneEnough) { version in
                array(of: version.key) == number && suspects[Self.hash(version.key)] != nil
            }
            if isOneEnough, !changes.isEmpty { return changes }
        }
        return changes
    }

    private static let absent: UInt64 = 0
    /// Of what is to be asked for, whatever the listing says.
    private static let unlike: UInt64 = 1

    private static func hash(_ key: String) -> UInt64 {
        var hasher = Hasher()
        var key = key
        key.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    /// Of what a listing tells of a version. Without an ETag it tells too little, and is like no other.
    private static func hash(_ mark: ObjectMetadata) -> UInt64 {
        guard let etag = mark.etag else { return 2 }
        var hasher = Hasher()
        hasher.combine(etag)
        hasher.combine(mark.byteCount)
        return max(3, UInt64(bitPattern: Int64(hasher.finalize())))
    }
}
