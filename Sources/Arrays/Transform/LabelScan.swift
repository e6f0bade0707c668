public import Elements
public import Geometry
internal import Threads
internal import Volumes

extension ArrayPlan {
    /// The values of a label array that are no object, absent (0 unless declared) and unknown, as scans see them: by their low 64 bits.
    public var background: [Int] { [Int(truncatingIfNeeded: annotation?.absent ?? 0)] + declaredUnknown }

    /// The values from which nothing follows for a class that is made from this label array: 0, and what is declared as unknown.
    public var unknownValues: [Int] { [0] + declaredUnknown }

    private var declaredUnknown: [Int] { annotation?.unknown.map { [Int(truncatingIfNeeded: $0)] } ?? [] }
}

extension AnnotationPlan {
    /// What 0 and 255 mean where nothing says so: predictions are stored like that.
    public static let mask = AnnotationPlan(type: "semantic_segmentation", absent: 0, present: 255)

    /// Whether nothing is declared from which the meaning of the values follows.
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

/// Questions about the values of a label array, answered chunk by chunk and no longer than needed.
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
        public let test: (Int) -> Bool

        public func run<Value: LabelElement>(_ voxels: UnsafeBufferPointer<Value>) -> Bool {
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
