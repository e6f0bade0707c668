internal import CHDF5
public import Elements

/// What a dataset is made from.
public struct DatasetLayout: Sendable {
    /// Where the dataset goes, such as "/label_crop/mito"; groups on the way are made.
    public var path: String
    public var elementType: ElementType
    /// Elements per axis, slowest first (z, y, x).
    public var shape: [Int]
    /// Elements of a chunk per axis; may exceed the shape.
    public var chunkShape: [Int]
    public var filter: ChunkFilter
    /// One element in the machine's byte order, read wherever no chunk was written.
    public var fillValue: [UInt8]

    public init(
        path: String, elementType: ElementType, shape: [Int], chunkShape: [Int], filter: ChunkFilter,
        fillValue: [UInt8]
    ) {
        self.path = path
        self.elementType = elementType
        self.shape = shape
        self.chunkShape = chunkShape
        self.filter = filter
        self.fillValue = fillValue
    }
}

extension OpenFile {
    /// The longest chunk HDF5 can hold, in bytes.
    static let longestChunk = Int(UInt32.max)
    /// The largest dataset in bytes, and the longest axis in elements.
    static let largestDataset = 1 << 62

    /// Makes the missing groups above `path`. (The library's own way puts times into the file.)
    func makeParents(of path: String, _ call: Call) throws(HDF5Error) {
        let names = try Self.components(path, call)
        let creation = try Self.objectProperties(cristae_H5P_GROUP_CREATE(), call)
        let links = try Self.linkProperties(call)
        var prefix = ""
        for name in names.dropLast() {
            prefix += "/" + name
            if try call.check(H5Lexists(id, prefix, hid_t(H5P_DEFAULT))) > 0 { continue }
            let group = H5Gcreate2(id, prefix, links.id, creation.id, hid_t(H5P_DEFAULT))
            _ = try call.own(group, H5Gclose)
        }
    }

    /// Makes a dataset whose parents exist.
    func makeDataset(_ layout: DatasetLayout, _ call: Call) throws(HDF5Error) -> OpenDataset {
        let path = "/" + (try Self.components(layout.path, call)).joined(separator: "/")
        let chunkByteCount = try Self.checkShape(layout, call)
        guard layout.fillValue.count == layout.elementType.byteCount else {
            throw call.error("a fill value of \(layout.fillValue.count) bytes for \(layout.elementType.rawValue)")
        }
        let types = HDF5Library.session.types
        let creation = try Self.objectProperties(cristae_H5P_DATASET_CREATE(), call)
        let chunk = layout.chunkShape.map { hsize_t($0) }
        try call.check(H5Pset_chunk(creation.id, Int32(chunk.count), chunk))
        try call.check(H5Pset_alloc_time(creation.id, H5D_ALLOC_TIME_INCR))
        try call.check(H5Pset_fill_time(creation.id, H5D_FILL_TIME_IFSET))
        try call.check(H5Pset_fill_value(creation.id, types.native(layout.elementType), layout.fillValue))
        try layout.filter.apply(to: creation.id, chunkByteCount: chunkByteCount, call)

        let shape = layout.shape.map { hsize_t($0) }
        // A chunk may only exceed the shape where the dataset could grow to it.
        let limits = zip(shape, chunk).map { max($0, $1) }
        let space = try call.own(H5Screate_simple(Int32(shape.count), shape, limits), H5Sclose)
        let links = try Self.linkProperties(call)
        let dataset = try call.own(
            H5Dcreate2(
                id, path, types.little(layout.elementType), space.id, links.id, creation.id, hid_t(H5P_DEFAULT)),
            H5Dclose)
        return OpenDataset(
            dataset, path: path, shape: layout.shape, chunkShape: layout.chunkShape, chunkByteCount: chunkByteCount,
            elementType: layout.elementType, filterIDs: layout.filter.id.map { [$0] } ?? [])
    }

    /// Makes a dataset without axes and writes its one value.
    func writeScalar(_ value: [UInt8], _ elementType: ElementType, to path: String, _ call: Call) throws(HDF5Error) {
        guard value.count == elementType.byteCount else {
            throw call.error("a value of \(value.count) bytes for \(elementType.rawValue)")
        }
        let place = "/" + (try Self.components(path, call)).joined(separator: "/")
        let types = HDF5Library.session.types
        let creation = try Self.objectProperties(cristae_H5P_DATASET_CREATE(), call)
        let space = try Self.makeSpace([], call)
        let links = try Self.linkProperties(call)
        let dataset = try call.own(
            H5Dcreate2(id, place, types.little(elementType), space.id, links.id, creation.id, hid_t(H5P_DEFAULT)),
            H5Dclose)
        let native = types.native(elementType)
        let status = H5Dwrite(dataset.id, native, hid_t(H5S_ALL), hid_t(H5S_ALL), hid_t(H5P_DEFAULT), value)
        try disk.check(call)
        try call.check(status)
    }

    /// Whether something can be made at `path`: the name is free, and all its parents are groups or missing.
    func isFree(_ path: String, _ call: Call) throws(HDF5Error) -> Bool {
        var prefix = ""
        for name in try Self.components(path, call) {
            // A broken link occupies the name, too.
            if !prefix.isEmpty, try kind(of: prefix, call) != .group { return false }
            prefix += "/" + name
            if try call.check(H5Lexists(id, prefix, hid_t(H5P_DEFAULT))) == 0 { return true }
        }
        return false
    }

    /// Makes a hard link whose parents exist.
    func makeLink(_ path: String, to target: String, _ call: Call) throws(HDF5Error) {
        let place = "/" + (try Self.components(path, call)).joined(separator: "/")
        let source = "/" + (try Self.components(target, call)).joined(separator: "/")
        let links = try Self.linkProperties(call)
        try call.check(H5Lcreate_hard(id, source, id, place, links.id, hid_t(H5P_DEFAULT)))
    }

    /// Checks rank and sizes against what HDF5 can hold and returns the bytes of a chunk.
    private static func checkShape(_ layout: DatasetLayout, _ call: Call) throws(HDF5Error) -> Int {
        guard 1...Int(H5S_MAX_RANK) ~= layout.shape.count, layout.chunkShape.count == layout.shape.count else {
            throw call.error("shape \(layout.shape) and chunks \(layout.chunkShape) need the same 1 to 32 axes")
        }
        guard layout.shape.allSatisfy({ $0 >= 0 }), layout.chunkShape.allSatisfy({ $0 > 0 }),
            byteCount(layout.shape, layout.elementType.byteCount) != nil
        else { throw call.error("shape \(layout.shape) in chunks of \(layout.chunkShape) is impossible") }
        guard let bytes = byteCount(layout.chunkShape, layout.elementType.byteCount), bytes <= longestChunk else {
            throw call.error("chunks of \(layout.chunkShape) \(layout.elementType.rawValue) exceed 4 GiB")
        }
        return bytes
    }

    /// Bytes of a block of elements; nil where they are too many to count.
    static func byteCount(_ shape: [Int], _ elementByteCount: Int) -> Int? {
        var product = elementByteCount
        for length in shape {
            let (next, overflow) = product.multipliedReportingOverflow(by: length)
            guard !overflow, next >= 0 else { return nil }
            product = next
        }
        return product
    }

    /// The space of an array of fixed shape; that of a single value where there are no axes.
    static func makeSpace(_ lengths: [hsize_t], _ call: Call) throws(HDF5Error) -> Handle {
        guard !lengths.isEmpty else { return try call.own(H5Screate(H5S_SCALAR), H5Sclose) }
        return try call.own(H5Screate_simple(Int32(lengths.count), lengths, nil), H5Sclose)
    }

    /// The names on the way to `path`, at least one.
    static func components(_ path: String, _ call: Call) throws(HDF5Error) -> [String] {
        let names = path.pathComponents()
        guard !names.isEmpty, !path.utf8.contains(0), !names.contains(".") else {
            throw call.error("this is not the path of a dataset")
        }
        return names
    }

    /// Links whose names are UTF-8, as h5py makes them.
    private static func linkProperties(_ call: Call) throws(HDF5Error) -> Handle {
        let links = try call.own(H5Pcreate(cristae_H5P_LINK_CREATE()), H5Pclose)
        try call.check(H5Pset_char_encoding(links.id, H5T_CSET_UTF8))
        return links
    }
}
