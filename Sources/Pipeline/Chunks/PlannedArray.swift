internal import Elements
internal import Geometry
internal import Stores
internal import Volumes

/// A planned array with its metadata read: which chunks of it are needed, and how they are decoded.
struct PlannedArray: Sendable {
    let plan: ArrayPlan
    let metadata: ArrayMetadata
    /// Voxels of a chunk.
    let chunkShape: ZYX<Int>
    /// Indices of the chunks that the plan's box touches.
    let blocks: Box

    init(_ plan: ArrayPlan, store: StoreURL) throws {
        self.plan = plan
        let format = plan.format ?? .zarrV2
        let path = store.url(of: "\(plan.key)/\(format.arrayMetadataName)")
        metadata = try ArrayMetadata(format, Array(plan.metadata.utf8), path: path)
        guard let chunkShape = ZYX(metadata.chunkShape) else {
            throw VolumeError(.unsupported, path: path, key: "chunks", "\(metadata.chunkShape.count) axes, expected 3")
        }
        self.chunkShape = chunkShape
        blocks = plan.box.isEmpty ? Box(shape: ZYX(repeating: 0)) : plan.box.blocks(of: chunkShape)
    }

    var chunkCount: Int { blocks.volume }

    /// The key of the array's metadata, below the store.
    var metadataKey: String { "\(plan.key)/\(metadata.format.arrayMetadataName)" }

    /// The key of a chunk, below the store.
    func key(_ index: ZYX<Int>) -> String { "\(plan.key)/\(metadata.chunkKey(index.array))" }

    /// The keys of all chunks that are needed, in scan order.
    var chunks: [String] {
        var keys: [String] = []
        keys.reserveCapacity(blocks.volume)
        blocks.forEachIndex { keys.append(key($0)) }
        return keys
    }
}

extension ArrayMetadata {
    /// Reads the metadata of an array in one of the formats.
    init(_ format: VolumeFormat, _ text: [UInt8], path: String) throws(VolumeError) {
        switch format {
        case .zarrV2: try self.init(zarrV2: text, path: path)
        case .zarrV3: try self.init(zarrV3: text, path: path)
        case .n5: try self.init(n5: text, path: path)
        }
    }
}
