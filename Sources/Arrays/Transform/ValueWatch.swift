public import Elements
internal import Synchronization

/// Notes whether the id 255 and ids beyond it are there, while the voxels go by.
public final class ValueWatch: Sendable {
    public static let value = 255

    private let has255 = Atomic(false)
    private let hasBeyond = Atomic(false)

    public init() {}

    public var hasBoth: Bool { has255.load(ordering: .relaxed) && hasBeyond.load(ordering: .relaxed) }

    public func see(_ bytes: ByteBuffer, _ type: ElementType) {
        guard !hasBoth else { return }
        let found = Self.found(in: bytes, type)
        if found.has255 { has255.store(true, ordering: .relaxed) }
        if found.hasBeyond { hasBeyond.store(true, ordering: .relaxed) }
    }

    /// Whether any voxel has the id 255, and whether any has one beyond it.
    public static func found(in bytes: ByteBuffer, _ type: ElementType) -> (has255: Bool, hasBeyond: Bool) {
        var (has255, hasBeyond) = (false, false)
        _ = LabelScan.hasValue(in: bytes, type) { id in
            if id == value { has255 = true }
            // As scans see them, ids above 2^63 - 1 are below 0.
            if id > value || (id < 0 && type.isUnsigned) { hasBeyond = true }
            return has255 && hasBeyond
        }
        return (has255, hasBeyond)
    }
}
