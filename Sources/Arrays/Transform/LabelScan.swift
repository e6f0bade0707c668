public import Elements
public import Geometry
internal import Synchronization
internal import Threads
internal import Volumes

extension ArrayPlan {
    /// The values of a label array that are no object: absent (0 unless declared) and unknown. Scans see the low 64 bits of a value.
    public var background: [Int] { [Int(truncatingIfNeeded: annotation?.absent ?? 0)] + declaredUnknown }

    /// The values that say nothing about a class that is made from this label array: 0, and what is declared as unknown.
    public var unknownValues: [Int] { [0] + declaredUnknown }

    private var declaredUnknown: [Int] { annotation?.unknown.map { [Int(truncatingIfNeeded: $0)] } ?? [] }
}

extension AnnotationPlan {
    /// What 0 and 255 mean where nothing is declared: predictions are stored like that.
    public static let mask = AnnotationPlan(type: "semantic_segmentation", absent: 0, present: 255)

    /// Whether the declaration leaves the meaning of the values open.
    public var isOpen: Bool {
        switch type {
        case "unspecified": absent == nil && unknown == nil
        case "semantic_segmentation": absent == nil && present == nil && unknown == nil
        default: false
        }
    }

    /// What the values of a derived class mean.
    public static func derived(instances: Bool) -> AnnotationPlan {
        AnnotationPlan(
            type: instances ? "instance_segmentation" : "semantic_segmentation", absent: 0,
            present: instances ? nil : 1, unknown: LabelValue(IdentifierMask.unknown))
    }
}

/// Answers questions about the values of a label array. It reads chunk by chunk, and stops as soon as the answer is known.
public struct LabelScan: Sendable {
    public let source: any ChunkSource
    /// Voxels to look at.
    public let box: Box
    public let stop: StopSignal

    public init(source: any ChunkSource, box: Box, stop: StopSignal) {
        (self.source, self.box, self.stop) = (source, box, stop)
    }

    /// Whether any voxel has a value other than those given.
    public func hasValue(otherThan values: [Int]) async throws -> Bool {
        let type = source.elementType
        return try await contains { Self.hasValue(in: $0, type) { !values.contains($0) } }
    }

    /// Whether any voxel has one of the values given.
    public func hasValue(among values: [Int]) async throws -> Bool {
        let type = source.elementType
        return try await contains { Self.hasValue(in: $0, type) { values.contains($0) } }
    }

    /// Whether any voxel has an id beyond 255.
    public func hasIdsBeyond() async throws -> Bool {
        let type = source.elementType
        return try await contains { ValueWatch.found(in: $0, type).hasBeyond }
    }

    private func contains(_ test: @escaping @Sendable (ByteBuffer) -> Bool) async throws -> Bool {
        guard !box.isEmpty else { return false }
        let chunks = box.blocks(of: source.chunkShape)
        let (source, box, stop) = (source, box, stop)
        return try await withThrowingTaskGroup(of: Bool.self) { group in
            var next = 0
            var running = 0
            while next < chunks.volume || running > 0 {
                while next < chunks.volume, running < ThreadPool.compute.width + 1 {
                    let part = source.box(ofChunk: chunks.index(at: next)).intersection(box)
                    next += 1
                    guard let part else { continue }
                    running += 1
                    group.addTask {
                        try stop.check()
                        let window = try await source.window(part)
                        return await ThreadPool.compute.run { test(window.bytes) }
                    }
                }
                guard running > 0, let found = try await group.next() else { break }
                running -= 1
                if found {
                    group.cancelAll()
                    return true
                }
            }
            return false
        }
    }

    /// Whether a voxel's value passes `test`, which is asked once for each run of equal values.
    public static func hasValue(in bytes: ByteBuffer, _ type: ElementType, _ test: (Int) -> Bool) -> Bool {
        withoutActuallyEscaping(test) { type.run(Search(test: $0), on: bytes) ?? true }
    }

    private struct Search: LabelWork {
        let test: (Int) -> Bool

        func run<Value: LabelElement>(_ voxels: UnsafeBufferPointer<Value>) -> Bool {
            guard var last = voxels.first else { return false }
            if test(Int(truncatingIfNeeded: last)) { return true }
            for value in voxels where value != last {
                last = value
                if test(Int(truncatingIfNeeded: value)) { return true }
            }
            return false
        }
    }
}

/// Notes whether voxels have the id 255, and ids beyond it, while chunks are copied.
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
