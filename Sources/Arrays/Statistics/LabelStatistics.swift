public import Elements
public import JSONText

/// Counts the voxels of a label dataset: objects, absent, unknown, padding.
public struct LabelStatistics: Sendable {
    private let annotation: AnnotationPlan
    /// The value of voxels that were added around the crop; nil where there are none.
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

    public init(_ annotation: AnnotationPlan, padding: Int? = nil) {
        self.annotation = annotation
        paddingValue = padding
    }

    public init(_ annotation: AnnotationPlan, padding: Int? = nil, _ bytes: ByteBuffer, _ type: ElementType) {
        self.init(annotation, padding: padding)
        if let counted = type.run(Count(start: self), on: bytes) { self = counted }
    }

    private struct Count: LabelWork {
        let start: LabelStatistics

        func run<Value: LabelElement>(_ values: UnsafeBufferPointer<Value>) -> LabelStatistics {
            var counted = start
            counted.voxels = values.count
            let special = Special<Value>(start)
            // A small cache of ids that are in the set, by their low bits: in each row the same ids come again.
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
                // The first value that differs, without a branch for each.
                guard difference == 0 else {
                    return index &+ difference.littleEndian.trailingZeroBitCount / (8 &* width)
                }
                index &+= 8 / width
            }
            while index < values.count, base[index] == value { index &+= 1 }
            return index
        }
    }

    /// The values that are no object.
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

    public mutating func merge(_ other: LabelStatistics) {
        voxels += other.voxels
        absent += other.absent
        padding += other.padding
        unknown += other.unknown
        guard !isBeyondCounting else { return }
        identifiers.formUnion(other.identifiers)
        isBeyondCounting = identifiers.count > Self.maximumIdentifiers
    }

    /// The counts of the same voxels, so many times.
    public func repeated(_ times: Int) -> LabelStatistics {
        var result = self
        result.voxels *= times
        result.absent *= times
        result.unknown *= times
        result.padding *= times
        return result
    }

    /// The fraction of annotated voxels; null where there are no voxels.
    public static func annotatedFraction(voxels: Int, unknown: Int) -> JSONValue {
        voxels > 0 ? .number(Double(voxels - unknown) / Double(voxels)) : .null
    }

    public var json: [String: JSONValue] {
        let present = voxels - absent - unknown - padding
        var values: [String: JSONValue] = [
            "annotation_type": .string(annotation.type), "voxels": .integer(voxels), "labelled": .integer(present),
            "absent": .integer(absent), "unknown": .integer(unknown), "instances": .integer(identifiers.count),
            "empty": .bool(present == 0), "all_unknown": .bool(voxels > 0 && unknown == voxels),
            "annotated_fraction": Self.annotatedFraction(voxels: voxels, unknown: unknown),
        ]
        if paddingValue != nil { values["padding"] = .integer(padding) }
        if isBeyondCounting { values["instances_are_more"] = true }
        return values
    }
}
