public import Arrays
public import Elements
public import JSONText
internal import Ledger
public import Logging
public import Stores
internal import Synchronization
internal import Volumes

/// What 255 is in a stored instance array that declares it as unknown and whose type holds larger ids.
///
/// Tools number objects without a gap: where ids go beyond 255 and no voxel is unknown, voxels of 255 are an object like the others
///. The metadata alone decide nothing, for their counts may be wrong; the ids are looked at, too. Where no voxel is 255,
/// what is declared stays.
public enum UnknownIdentifier: Sendable, Hashable {
    /// The metadata say that no voxel is unknown: where ids go beyond 255, it is an object.
    case objectBeyond
    /// The metadata do not say how many voxels are unknown: it is unknown, and where ids go beyond 255 that is told.
    case uncounted

    /// nil where there is nothing to ask: 255 is not what is declared, or no larger id fits, or some voxels are unknown.
    public init?(_ array: ArrayPlan, in plan: ItemPlan) {
        let metadata = try? array.storedMetadata()
        guard let type = metadata?.elementType, Self.isInQuestion(array.annotation, type) else { return nil }
        switch plan.unknownCount(of: array) ?? array.finestUnknownCount.map({ LabelValue($0) }) {
        case 0?: self = .objectBeyond
        case nil: self = .uncounted
        default: return nil
        }
    }

    /// Whether 255 may be an object as well as unknown, by what is declared and by the type of the ids.
    public static func isInQuestion(_ annotation: AnnotationPlan?, _ type: ElementType) -> Bool {
        annotation?.type == LabelAnnotation.Kind.instance.rawValue
            && annotation?.unknown == LabelValue(ValueWatch.value)
            && type.isInteger && type.byteCount > 1
    }

    /// Part of an item's fingerprint only where it applies: the arrays in which 255 may be an object.
    public static func keys(_ plan: ItemPlan) -> [String: JSONValue] {
        let arrays = arrays(plan)
        return arrays.isEmpty ? [:] : ["object_255": .array(arrays.map { .string($0.key) })]
    }

    public static func arrays(_ plan: ItemPlan) -> [ArrayPlan] {
        plan.arrays.filter { UnknownIdentifier($0, in: plan) == .objectBeyond }
    }

    /// What the values of an array with the id 255 and ids beyond it mean. Where its metadata do not settle that, it is told.
    public static func settled(
        _ declared: AnnotationPlan, of array: ArrayPlan, in plan: ItemPlan, _ store: StoreURL, _ logger: Logger
    ) -> AnnotationPlan {
        switch UnknownIdentifier(array, in: plan) {
        case nil: return declared
        case .objectBeyond?:
            var settled = declared
            settled.unknown = nil
            return settled
        case .uncounted?:
            logger.warning(
                "\(plan.name): \(array.name) has ids beyond 255, and its metadata do not say how many voxels are unknown: 255 stays unknown: \(store.url(of: array.key))",
                metadata: ["item": "\(plan.name)", "dataset": "\(plan.dataset)", "event": "unknown_255"])
            return declared
        }
    }
}

extension ItemPlan {
    /// How many voxels of an array its own attributes call unknown; nil where they do not say.
    fileprivate func unknownCount(of array: ArrayPlan) -> LabelValue? {
        let format = array.format
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
