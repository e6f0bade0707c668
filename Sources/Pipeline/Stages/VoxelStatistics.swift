internal import Elements
internal import JSONText

/// What the voxels of a raw dataset are like: merged chunk by chunk, always in the same order.
struct IntensityStatistics: Sendable {
    private(set) var count = 0
    private var minimum = Double.infinity
    private var maximum = -Double.infinity
    private var sum = 0.0

    init() {}

    init(_ bytes: ByteBuffer, _ type: ElementType) {
        // Each type by its name, so that there is code of its own for each.
        bytes.withUnsafeBytes { bytes in
            switch type {
            case .bool, .uint8: addIntegers(UnsafeBufferPointer(rebinding: bytes, to: UInt8.self))
            case .int8: addIntegers(UnsafeBufferPointer(rebinding: bytes, to: Int8.self))
            case .uint16: addIntegers(UnsafeBufferPointer(rebinding: bytes, to: UInt16.self))
            case .int16: addIntegers(UnsafeBufferPointer(rebinding: bytes, to: Int16.self))
            case .uint32: add(UnsafeBufferPointer(rebinding: bytes, to: UInt32.self))
            case .int32: add(UnsafeBufferPointer(rebinding: bytes, to: Int32.self))
            case .uint64: add(UnsafeBufferPointer(rebinding: bytes, to: UInt64.self))
            case .int64: add(UnsafeBufferPointer(rebinding: bytes, to: Int64.self))
            case .float16: add(UnsafeBufferPointer(rebinding: bytes, to: Float16.self))
            case .float32: add(UnsafeBufferPointer(rebinding: bytes, to: Float.self))
            case .float64: add(UnsafeBufferPointer(rebinding: bytes, to: Double.self))
            }
        }
    }

    private mutating func add<Value: Element>(_ voxels: UnsafeBufferPointer<Value>) {
        count = voxels.count
        // From the first number on: nothing is less or more than NaN.
        guard var low = voxels.first(where: { $0 == $0 }) else {
            if !voxels.isEmpty { sum = .nan }
            return
        }
        var high = low
        var total = 0.0
        for value in voxels {
            if value < low { low = value }
            if value > high { high = value }
            total += value.asDouble
        }
        (minimum, maximum, sum) = (low.asDouble, high.asDouble, total)
    }

    /// Small integers are summed as such: the sum is exact, as it is in a `Double` below 2^53.
    private mutating func addIntegers<Value: Element & FixedWidthInteger>(_ voxels: UnsafeBufferPointer<Value>) {
        guard let first = voxels.first else { return }
        var (low, high, total) = (first, first, 0)
        // Rows so short that 32 bits hold their sums.
        for start in stride(from: 0, to: voxels.count, by: 1 << 14) {
            var part: Int32 = 0
            for value in voxels[start..<min(start + (1 << 14), voxels.count)] {
                low = min(low, value)
                high = max(high, value)
                part &+= Int32(truncatingIfNeeded: value)
            }
            total += Int(part)
        }
        (count, minimum, maximum, sum) = (voxels.count, low.asDouble, high.asDouble, Double(total))
    }

    mutating func merge(_ other: IntensityStatistics) {
        count += other.count
        minimum = min(minimum, other.minimum)
        maximum = max(maximum, other.maximum)
        sum += other.sum
    }

    /// Of so many times the same voxels.
    func repeated(_ times: Int) -> IntensityStatistics {
        var result = self
        result.count *= times
        result.sum *= Double(times)
        return result
    }

    /// Numbers that are no finite ones become null.
    var json: [String: JSONValue] {
        guard count > 0 else { return ["min": .null, "max": .null, "mean": .null] }
        return ["min": .number(minimum), "max": .number(maximum), "mean": .number(sum / Double(count))]
    }
}

/// How many voxels of a label dataset are what.
struct LabelStatistics: Sendable {
    private let annotation: AnnotationPlan
    /// The value of voxels that were added around the crop and belong to nothing; nil where there are none such.
    private let paddingValue: Int?
    private var padding = 0
    private var voxels = 0
    private var absent = 0
    private var unknown = 0
    /// Values that are neither absent nor unknown.
    private var identifiers: Set<UInt64> = []
    /// Ids that are counted: 2 million take 32 MiB, and no volume may take more.
    private static let maximumIdentifiers = 1 << 21
    private var isBeyondCounting = false

    init(_ annotation: AnnotationPlan, padding: Int? = nil) {
        self.annotation = annotation
        paddingValue = padding
    }

    init(_ annotation: AnnotationPlan, padding: Int? = nil, _ bytes: ByteBuffer, _ type: ElementType) {
        self.init(annotation, padding: padding)
        if let counted = type.run(Count(start: self), on: bytes) { self = counted }
    }

    private struct Count: LabelWork {
        let start: LabelStatistics

        func run<Value: LabelElement>(_ values: UnsafeBufferPointer<Value>) -> LabelStatistics {
            var counted = start
            counted.voxels = values.count
            let special = Special<Value>(start)
            // Ids that are in the set, each in the place that its low bits name: runs of one id come one after another, row for row.
            var seen: [64 of UInt64] = .init(repeating: 0)
            var isSeen: [64 of Bool] = .init(repeating: false)
            var index = 0
            while index < values.count {
                let (value, first) = (values[index], index)
                index = Self.endOfRun(values, from: index)
                guard !counted.add(value, index - first, special) else { continue }
                let id = UInt64(truncatingIfNeeded: value)
                let place = Int(id & 63)
                guard !isSeen[place] || seen[place] != id else { continue }
                (seen[place], isSeen[place]) = (id, true)
                counted.identifiers.insert(id)
            }
            return counted
        }

        /// Where the run of equal values that begins at `start` ends.
        @inline(__always)
        private static func endOfRun<Value: LabelElement>(
            _ values: UnsafeBufferPointer<Value>, from start: Int
        ) -> Int {
            guard let base = values.baseAddress else { return start }
            let value = values[start]
            let width = MemoryLayout<Value>.size
            // Eight bytes of the same value, whatever its width.
            var pattern = UInt64(truncatingIfNeeded: value)
            if width < 2 { pattern = pattern & 0xFF | (pattern & 0xFF) << 8 }
            if width < 4 { pattern = pattern & 0xFFFF | (pattern & 0xFFFF) << 16 }
            if width < 8 { pattern = pattern & 0xFFFF_FFFF | pattern << 32 }
            var index = start &+ 1
            let patterns = SIMD4(repeating: pattern)
            while index &+ 32 / width <= values.count {
                let difference = UnsafeRawPointer(base + index).loadUnaligned(as: SIMD4<UInt64>.self) ^ patterns
                guard difference[0] | difference[1] | difference[2] | difference[3] == 0 else { break }
                index &+= 32 / width
            }
            while index &+ 8 / width <= values.count {
                let difference = UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self) ^ pattern
                // The first that differs, without a guess at which it is.
                guard difference == 0 else {
                    return index &+ difference.littleEndian.trailingZeroBitCount / (8 &* width)
                }
                index &+= 8 / width
            }
            while index < values.count, base[index] == value { index &+= 1 }
            return index
        }
    }

    /// The values that stand for something else than an object.
    private struct Special<Value: LabelElement> {
        let absent: Value?
        let unknown: Value?
        let padding: Value?

        init(_ statistics: LabelStatistics) {
            absent = Value(exactly: statistics.annotation.absent ?? 0)
            unknown = statistics.annotation.unknown.flatMap { Value(exactly: $0) }
            padding = statistics.paddingValue.flatMap { Value(exactly: $0) }
        }
    }

    /// Counts voxels that are no object; false where they are one.
    private mutating func add<Value: LabelElement>(_ value: Value, _ count: Int, _ special: Special<Value>) -> Bool {
        if value == special.unknown {
            unknown += count
        } else if value == special.absent {
            absent += count
        } else if value == special.padding {
            padding += count
        } else {
            return false
        }
        return true
    }

    mutating func merge(_ other: LabelStatistics) {
        voxels += other.voxels
        absent += other.absent
        padding += other.padding
        unknown += other.unknown
        guard !isBeyondCounting else { return }
        identifiers.formUnion(other.identifiers)
        isBeyondCounting = identifiers.count > Self.maximumIdentifiers
    }

    /// Of so many times the same voxels.
    func repeated(_ times: Int) -> LabelStatistics {
        var result = self
        result.voxels *= times
        result.absent *= times
        result.unknown *= times
        result.padding *= times
        return result
    }

    var json: [String: JSONValue] {
        let present = voxels - absent - unknown - padding
        var values: [String: JSONValue] = [
            "annotation_type": .string(annotation.type), "voxels": .integer(voxels), "labelled": .integer(present),
            "absent": .integer(absent), "unknown": .integer(unknown), "instances": .integer(identifiers.count),
            "empty": .bool(present == 0), "all_unknown": .bool(voxels > 0 && unknown == voxels),
        ]
        if paddingValue != nil { values["padding"] = .integer(padding) }
        if isBeyondCounting { values["instances_are_more"] = true }
        return values
    }
}
