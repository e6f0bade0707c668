internal import Stores

/// Finds out how many bytes an object has by asking for small parts of it, where a store does not list.
struct ObjectEnd: Sendable {
    /// Bytes of a part.
    let probeByteCount: Int
    /// What messages call the object.
    let name: String
    /// How many bytes there are from an offset on, at most ``probeByteCount``; 0 beyond the end, nil where there is no object.
    let probe: @Sendable (Int) async throws -> Int?

    /// Larger objects are refused: a server that answers everything would never come to an end.
    private static let maximumByteCount = 1 << 50

    /// Doubles an offset until nothing is there, then closes in on the end.
    func search() async throws -> Int? {
        guard let first = try await probe(0) else { return nil }
        guard first == probeByteCount else { return first }
        var full = 0
        var beyond = probeByteCount
        while true {
            guard beyond <= Self.maximumByteCount else {
                throw StoreError(.tooLarge, url: name, message: "more than \(Self.maximumByteCount) bytes")
            }
            guard let found = try await probe(beyond) else { return nil }
            if found > 0 && found < probeByteCount { return beyond + found }
            if found == 0 { break }
            (full, beyond) = (beyond, beyond * 2)
        }
        // A whole part lies at `full`, nothing at `beyond`; both are multiples of a part.
        while beyond - full > probeByteCount {
            let middle = full + (beyond - full) / probeByteCount / 2 * probeByteCount
            guard let found = try await probe(middle) else { return nil }
            if found > 0 && found < probeByteCount { return middle + found }
            if found == 0 { beyond = middle } else { full = middle }
        }
        return full + probeByteCount
    }
}
