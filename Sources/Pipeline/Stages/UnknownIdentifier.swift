internal import Elements
internal import JSONText
internal import Ledger
internal import Logging
internal import Stores
internal import Synchronization
internal import Volumes

/// What 255 is in a stored instance array that declares it as unknown and whose type holds larger ids.
///
/// Tools number objects without a gap: where ids go beyond 255 and no voxel is unknown, voxels of 255 are an object like the others
/// (DESIGN, section 4). The metadata alone decide nothing, for their counts may be wrong; the ids are looked at, too. Where no voxel is 255,
/// what is declared stays.
enum UnknownIdentifier: Sendable, Hashable {
    /// The metadata say that no voxel is unknown: where ids go beyond 255, it is an object.
    case objectBeyond
    /// The metadata do not say how many voxels are unknown: it is unknown, and where ids go beyond 255 that is told.
    case uncounted

    static let value = 255

    /// nil where there is nothing to ask: 255 is not what is declared, or no larger id fits, or some voxels are unknown.
    init?(_ array: ArrayPlan, in plan: ItemPlan) {
        let metadata = try? ArrayMetadata(array.format ?? .zarrV2, Array(array.metadata.utf8), path: array.key)
        guard let type = metadata?.elementType, Self.isInQuestion(array.annotation, type) else { return nil }
        switch plan.unknownCount(of: array) ?? array.finestUnknownCount.map({ LabelValue($0) }) {
        case 0?: self = .objectBeyond
        case nil: self = .uncounted
        default: return nil
        }
    }

    /// Whether 255 may be an object as well as unknown, by what is declared and by the type of the ids.
    static func isInQuestion(_ annotation: AnnotationPlan?, _ type: ElementType) -> Bool {
        annotation?.type == LabelAnnotation.Kind.instance.rawValue && annotation?.unknown == LabelValue(value)
            && type.isInteger && type.byteCount > 1
    }

    /// Whether any voxel has the id 255, and whether any has one beyond it.
    static func found(in bytes: ByteBuffer, _ type: ElementType) -> (has255: Bool, hasBeyond: Bool) {
        var (has255, hasBeyond) = (false, false)
        _ = LabelScan.hasValue(in: bytes, type) { id in
            if id == value { has255 = true }
            // As scans see them, ids above 2^63 - 1 are below 0.
            if id > value || (id < 0 && type.isUnsigned) { hasBeyond = true }
            return has255 && hasBeyond
        }
        return (has255, hasBeyond)
    }

    /// Part of an item's fingerprint only where it applies: the arrays in which 255 may be an object.
    static func keys(_ plan: ItemPlan) -> [String: JSONValue] {
        let arrays = arrays(plan)
        return arrays.isEmpty ? [:] : ["object_255": .array(arrays.map { .string($0.key) })]
    }

    private static func arrays(_ plan: ItemPlan) -> [ArrayPlan] {
        plan.arrays.filter { UnknownIdentifier($0, in: plan) == .objectBeyond }
    }

    /// Whether the statistics of a file that an earlier version has made, where 255 was unknown throughout, say that no voxel is 255.
    static func isUnused(_ stat: Record, of convert: Record, _ plan: ItemPlan) -> Bool {
        let arrays = arrays(plan)
        guard !arrays.isEmpty else { return true }
        guard let labels = DerivedRule.labels(stat, of: convert, plan) else { return false }
        return arrays.allSatisfy { array in
            let path = VolumeArray.path(of: array.key, below: plan.group)
            let name = plan.kind == .volume ? String(path.drop { $0 == "/" }) : array.name
            return labels[name]?["unknown"] == 0
        }
    }

    /// What the values of an array with the id 255 and ids beyond it mean. Where its metadata do not settle that, it is told.
    static func settled(
        _ declared: AnnotationPlan, of array: ArrayPlan, in plan: ItemPlan, _ context: JobContext
    ) -> AnnotationPlan {
        switch UnknownIdentifier(array, in: plan) {
        case nil: return declared
        case .objectBeyond?:
            var settled = declared
            settled.unknown = nil
            return settled
        case .uncounted?:
            context.logger.warning(
                "\(plan.name): \(array.name) has ids beyond 255, and its metadata do not say how many voxels are unknown: 255 stays unknown: \(context.store.url.url(of: array.key))",
                metadata: ["item": "\(plan.name)", "dataset": "\(plan.dataset)", "event": "unknown_255"])
            return declared
        }
    }
}

/// Notes whether the id 255 and ids beyond it are there, while the voxels go by.
final class ValueWatch: Sendable {
    private let has255 = Atomic(false)
    private let hasBeyond = Atomic(false)

    var hasBoth: Bool { has255.load(ordering: .relaxed) && hasBeyond.load(ordering: .relaxed) }

    func see(_ bytes: ByteBuffer, _ type: ElementType) {
        guard !hasBoth else { return }
        let found = UnknownIdentifier.found(in: bytes, type)
        if found.has255 { has255.store(true, ordering: .relaxed) }
        if found.hasBeyond { hasBeyond.store(true, ordering: .relaxed) }
    }
}

extension ItemPlan {
    /// How many voxels of an array its own attributes call unknown; nil where they do not say.
    fileprivate func unknownCount(of array: ArrayPlan) -> LabelValue? {
        let format = array.format ?? .zarrV2
        return metadata.first { $0.key == "\(array.key)/\(format.attributesName)" }
            .flatMap { LabelAnnotation.unknownCount(attributes: $0.text, format) }
    }
}

extension LabelAnnotation {
    /// The same, of a text in which an array's attributes lie; nil also where it cannot be read.
    static func unknownCount(attributes text: String, _ format: VolumeFormat) -> LabelValue? {
        guard let json = try? JSONValue(parsing: text.utf8) else { return nil }
        return unknownCount(attributes: format == .zarrV3 ? json["attributes"] ?? .null : json)
    }
}
