internal import Elements
internal import JSONText

/// What the voxels of a raw dataset are like: merged chunk by chunk, always in the same order.
struct IntensityStatistics: Sendable {
    private(set) var count = 0
    private var minimum = Double.infinity
    private var maximum = -Double.infinity
    private var sum = 0.0

    init() {}

    init(_ bytes: ByteBuffer, _ type: ElementType) { accumulate(type.swiftType, bytes) }

    private mutating func accumulate<T: Element>(_ type: T.Type, _ bytes: ByteBuffer) {
        bytes.withUnsafeBytes { raw in
            raw.withMemoryRebound(to: T.self) { voxels in
                guard var low = voxels.first else { return }
                var high = low
                var total = 0.0
                for value in voxels {
                    if value < low { low = value }
                    if value > high { high = value }
                    total += value.asDouble
                }
                (count, minimum, maximum, sum) = (voxels.count, low.asDouble, high.asDouble, total)
            }
        }
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
        if let labelType = type.labelType { accumulate(labelType, bytes) }
    }

    private mutating func accumulate<T: LabelElement>(_ type: T.Type, _ bytes: ByteBuffer) {
        let absentValue = T(exactly: annotation.absent ?? 0)
        let unknownValue = annotation.unknown.flatMap { T(exactly: $0) }
        let outside = paddingValue.flatMap { T(exactly: $0) }
        bytes.withUnsafeBytes { raw in
            raw.withMemoryRebound(to: T.self) { values in
                voxels = values.count
                guard let first = values.first else { return }
                // Labels come in long runs: a set is asked once a run.
                var (last, run) = (first, 0)
                for value in values {
                    if value != last {
                        add(last, run, absentValue, unknownValue, outside)
                        (last, run) = (value, 0)
                    }
                    run += 1
                }
                add(last, run, absentValue, unknownValue, outside)
            }
        }
    }

    private mutating func add<T: LabelElement>(
        _ value: T, _ count: Int, _ absentValue: T?, _ unknownValue: T?, _ outside: T?
    ) {
        if value == unknownValue {
            unknown += count
        } else if value == absentValue {
            absent += count
        } else if value == outside {
            padding += count
        } else {
            identifiers.insert(UInt64(truncatingIfNeeded: value))
        }
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
