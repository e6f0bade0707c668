/// Counts the votes for one output voxel: by linear search while few values occur, by hashing beyond that.
///
/// The hash is seeded at random, so that no file can be made to collide; the outcome never depends on it.
struct VoteTable<
    Value: FixedWidthInteger & BitwiseCopyable, Votes: FixedWidthInteger & BitwiseCopyable
>: ~Copyable {
    private static var longestSearch: Int { 16 }

    private var values: UnsafeMutablePointer<Value>
    private var weights: UnsafeMutablePointer<Votes>
    private var capacity = 64
    private var count = 0

    /// Positions in `values` by hash, -1 where free; in use only beyond `longestSearch` values.
    private var slots: UnsafeMutablePointer<Int>
    private var slotsAllocated = 256
    private var slotBits = 0
    private let seed = UInt64.random(in: .min ... .max)

    init() {
        values = .allocate(capacity: capacity)
        weights = .allocate(capacity: capacity)
        slots = .allocate(capacity: slotsAllocated)
    }

    deinit {
        values.deallocate()
        weights.deallocate()
        slots.deallocate()
    }

    /// Forgets all votes.
    @inline(__always)
    mutating func reset() {
        count = 0
        slotBits = 0
    }

    @inline(__always)
    mutating func add(_ value: Value, _ weight: Votes) {
        if slotBits == 0 {
            for index in 0..<count where values[index] == value {
                weights[index] &+= weight
                return
            }
            if count < Self.longestSearch {
                values[count] = value
                weights[count] = weight
                count += 1
                return
            }
        }
        addHashed(value, weight)
    }

    /// The value with the largest weight, the smallest of those which tie. There must have been a vote.
    var winner: Value {
        var best = values[0]
        var bestWeight = weights[0]
        for index in 1..<max(count, 1) {
            let (value, weight) = (values[index], weights[index])
            if weight > bestWeight || (weight == bestWeight && value < best) { (best, bestWeight) = (value, weight) }
        }
        return best
    }

    @inline(never)
    private mutating func addHashed(_ value: Value, _ weight: Votes) {
        if slotBits == 0 { index(bits: 7) }
        if 2 * count >= 1 << slotBits { index(bits: slotBits + 1) }
        let slot = slot(of: value)
        if slots[slot] >= 0 {
            weights[slots[slot]] &+= weight
            return
        }
        if count == capacity { grow() }
        values[count] = value
        weights[count] = weight
        slots[slot] = count
        count += 1
    }

    /// The slot that holds `value`, or the free one where it belongs.
    private func slot(of value: Value) -> Int {
        var hash = UInt64(truncatingIfNeeded: value) ^ seed
        hash = (hash ^ (hash >> 32)) &* 0xD6E8_FEB8_6659_FD93
        hash = (hash ^ (hash >> 32)) &* 0xD6E8_FEB8_6659_FD93
        let mask = (1 << slotBits) - 1
        var slot = Int(truncatingIfNeeded: hash >> UInt64(64 - slotBits))
        while slots[slot] >= 0, values[slots[slot]] != value { slot = (slot + 1) & mask }
        return slot
    }

    /// Enters all values into a table of 2^bits slots.
    private mutating func index(bits: Int) {
        slotBits = bits
        if slotsAllocated < 1 << bits {
            slots.deallocate()
            slotsAllocated = 1 << bits
            slots = .allocate(capacity: slotsAllocated)
        }
        slots.initialize(repeating: -1, count: 1 << bits)
        for index in 0..<count { slots[slot(of: values[index])] = index }
    }

    private mutating func grow() {
        let (oldValues, oldWeights) = (values, weights)
        values = .allocate(capacity: 2 * capacity)
        weights = .allocate(capacity: 2 * capacity)
        values.initialize(from: oldValues, count: count)
        weights.initialize(from: oldWeights, count: count)
        oldValues.deallocate()
        oldWeights.deallocate()
        capacity *= 2
    }
}
