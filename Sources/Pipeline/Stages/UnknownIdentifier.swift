internal import Elements
internal import JSONText
internal import Logging
internal import Stores
internal import Synchronization
internal import Volumes

/// What 255 is in a stored instance array that declares it as unknown and whose type holds larger ids.
///
/// Tools number objects without a gap: where ids go beyond 255 and no voxel is unknown, 255 is an object like the others
/// (DESIGN, section 4). The metadata alone decide nothing, for their counts may be wrong; the ids are looked at, too.
enum UnknownIdentifier: Sendable, Hashable {
    /// The metadata say that no voxel is unknown: where ids go beyond 255, it is an object.
    case objectBeyond
    /// The metadata do not say how many voxels are unknown: it is unknown, and where ids go beyond 255 that is told.
    case uncounted

    static let value = 255

    /// nil where there is nothing to ask: 255 is not what is declared, or no larger id fits, or some voxels are unknown.
    init?(_ array: ArrayPlan, in plan: ItemPlan) {
        guard let annotation = array.annotation, annotation.type == LabelAnnotation.Kind.instance.rawValue,
            annotation.unknown == LabelValue(Self.value),
            let type = try? ArrayMetadata(array.format ?? .zarrV2, Array(array.metadata.utf8), path: array.key)
                .elementType, type.isInteger, type.byteCount > 1
        else { return nil }
        switch plan.unknownCount(of: array) {
        case 0?: self = .objectBeyond
        case nil: self = .uncounted
        default: return nil
        }
    }

    /// Whether any voxel has an id beyond 255.
    static func hasIdsBeyond(_ bytes: ByteBuffer, _ type: ElementType) -> Bool {
        // As scans see them, ids above 2^63 - 1 are below 0.
        LabelScan.hasValue(in: bytes, type) { $0 > value || ($0 < 0 && type.isUnsigned) }
    }

    /// Part of an item's fingerprint only where it applies: the arrays in which 255 may be an object.
    static func keys(_ plan: ItemPlan) -> [String: JSONValue] {
        let arrays = plan.arrays.filter { UnknownIdentifier($0, in: plan) == .objectBeyond }
        return arrays.isEmpty ? [:] : ["object_255": .array(arrays.map { .string($0.key) })]
    }

    /// What the values of an array with ids beyond 255 mean. Where its metadata do not settle that, it is told.
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

/// Notes whether ids go beyond 255, while the voxels go by.
final class ValueWatch: Sendable {
    private let found = Atomic(false)

    var hasIdsBeyond: Bool { found.load(ordering: .relaxed) }

    func see(_ bytes: ByteBuffer, _ type: ElementType) {
        guard !hasIdsBeyond, UnknownIdentifier.hasIdsBeyond(bytes, type) else { return }
        found.store(true, ordering: .relaxed)
    }
}

extension ItemPlan {
    /// How many voxels of an array its own attributes call unknown; nil where they do not say.
    fileprivate func unknownCount(of array: ArrayPlan) -> LabelValue? {
        let format = array.format ?? .zarrV2
        guard let text = metadata.first(where: { $0.key == "\(array.key)/\(format.attributesName)" })?.text,
            let json = try? JSONValue(parsing: text.utf8)
        else { return nil }
        return LabelAnnotation.unknownCount(attributes: format == .zarrV3 ? json["attributes"] ?? .null : json)
    }
}
