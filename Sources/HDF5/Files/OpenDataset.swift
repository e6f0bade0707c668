internal import CHDF5
internal import Elements

/// A dataset that a writer or reader keeps open. Lives on the HDF5 thread only.
final class OpenDataset {
    private let handle: Handle
    let path: String
    let shape: [Int]
    let chunkShape: [Int]?
    /// Bytes of a decoded chunk.
    let chunkByteCount: Int
    let elementType: ElementType
    /// The numbers of the filters that encoded the chunks.
    let filterIDs: [Int]

    init(
        _ handle: consuming Handle, path: String, shape: [Int], chunkShape: [Int]?, chunkByteCount: Int,
        elementType: ElementType, filterIDs: [Int]
    ) {
        self.handle = handle
        self.path = path
        self.shape = shape
        self.chunkShape = chunkShape
        self.chunkByteCount = chunkByteCount
        self.elementType = elementType
        self.filterIDs = filterIDs
    }

    var id: hid_t { handle.id }
    var isFiltered: Bool { !filterIDs.isEmpty }

    /// Checks that `offset` is the first element of a chunk inside the dataset.
    func chunkOffset(_ offset: [Int], _ call: Call) throws(HDF5Error) -> [hsize_t] {
        guard let chunkShape else { throw call.error("the dataset is not chunked") }
        guard offset.count == shape.count else {
            throw call.error("offset \(offset) does not have the \(shape.count) axes of shape \(shape)")
        }
        for axis in shape.indices {
            guard offset[axis] >= 0, offset[axis] < shape[axis], offset[axis] % chunkShape[axis] == 0 else {
                throw call.error("no chunk begins at \(offset): shape \(shape), chunks \(chunkShape)")
            }
        }
        return offset.map { hsize_t($0) }
    }
}
