internal import CHDF5
internal import Elements

/// A group or dataset inside a group.
public struct Child: Sendable, Hashable {
    public let name: String
    /// False for a dataset.
    public let isGroup: Bool
    /// Whether it is one of its own parent groups, so that following it never ends.
    public let leadsBack: Bool

    public init(name: String, isGroup: Bool, leadsBack: Bool = false) {
        self.name = name
        self.isGroup = isGroup
        self.leadsBack = leadsBack
    }
}

extension OpenFile {
    /// The most bytes of elements that are read at once.
    private static let mostBytesAtOnce = 8 << 30

    /// A name that nothing has.
    static let impossibleName = "\u{1}\u{2}\u{3}"

    enum Kind {
        case group, dataset, other
    }

    /// What is at `path` inside this file; nil if nothing is. Links into other files count as nothing.
    func kind(of path: String, _ call: Call) throws(HDF5Error) -> Kind? {
        guard !path.utf8.contains(0) else { return nil }
        var prefix = ""
        var found = Kind.group
        for name in path.pathComponents() where name != "." {
            guard found == .group else { return nil }
            prefix += "/" + name
            guard try call.check(H5Lexists(id, prefix, hid_t(H5P_DEFAULT))) > 0 else { return nil }
            guard let next = try kind(ofLink: prefix, in: id, call) else { return nil }
            found = next
        }
        return found
    }

    /// What the link `name` in `location` leads to; nil for nothing, and for another file.
    private func kind(ofLink name: String, in location: hid_t, _ call: Call) throws(HDF5Error) -> Kind? {
        var link = H5L_info_t()
        try call.check(H5Lget_info(location, name, &link, hid_t(H5P_DEFAULT)))
        switch link.type {
        case H5L_TYPE_HARD: break
        case H5L_TYPE_SOFT:
            // Fails for a broken soft link, and for one through a link into another file.
            guard H5Oexists_by_name(location, name, hid_t(H5P_DEFAULT)) > 0 else { return nil }
        default: return nil
        }
        var object = H5O_info_t()
        try call.check(
            H5Oget_info_by_name2(location, name, &object, UInt32(H5O_INFO_BASIC), hid_t(H5P_DEFAULT)))
        switch object.type {
        case H5O_TYPE_GROUP: return .group
        case H5O_TYPE_DATASET: return .dataset
        default: return .other
        }
    }

    /// The addresses in the file of all groups on a path, from the root to the last.
    private func groupAddresses(on path: String, _ call: Call) throws(HDF5Error) -> Set<haddr_t> {
        var prefix = "/"
        var addresses: Set = [try address(of: prefix, in: id, call)]
        for name in path.pathComponents() {
            prefix += "\(name)/"
            addresses.insert(try address(of: prefix, in: id, call))
        }
        return addresses
    }

    func address(of name: String, in location: hid_t, _ call: Call) throws(HDF5Error) -> haddr_t {
        var object = H5O_info_t()
        try call.check(
            H5Oget_info_by_name2(location, name, &object, UInt32(H5O_INFO_BASIC), hid_t(H5P_DEFAULT)))
        return object.addr
    }

    /// The names that an iteration of the library hands to ``add(_:to:)``.
    static func names(
        _ call: Call, _ iterate: (UnsafeMutableRawPointer) -> herr_t
    ) throws(HDF5Error) -> [String] {
        var names: [String] = []
        let status = withUnsafeMutablePointer(to: &names) { iterate($0) }
        try call.check(status)
        return names
    }

    /// Adds a name to ``names(_:_:)``. One that is not UTF-8 is left out, because it could not be asked for later.
    static func add(_ name: UnsafePointer<CChar>?, to names: UnsafeMutableRawPointer?) -> herr_t {
        guard let name, let names, let text = String(validatingCString: name) else { return 0 }
        names.assumingMemoryBound(to: [String].self).pointee.append(text)
        return 0
    }

    func children(of path: String, _ call: Call) throws(HDF5Error) -> [Child] {
        guard try kind(of: path, call) == .group else { throw call.error("there is no such group") }
        let group = try call.own(H5Gopen2(id, path.isEmpty ? "/" : path, hid_t(H5P_DEFAULT)), H5Gclose)
        // Checks all links first: 1.10.8 survives a damaged one here, but not while listing.
        try call.check(H5Lexists(group.id, Self.impossibleName, hid_t(H5P_DEFAULT)))
        // In the file's own order: for any other order 1.10 trusts the file's count of the links more than is safe.
        let names = try Self.names(call) { names in
            H5Literate(
                group.id, H5_INDEX_NAME, H5_ITER_NATIVE, nil,
                { _, name, _, names in OpenFile.add(name, to: names) }, names)
        }
        let above = try groupAddresses(on: path, call)
        var children: [Child] = []
        for name in names.sorted() {
            switch try kind(ofLink: name, in: group.id, call) {
            case .group:
                let leadsBack = above.contains(try address(of: name, in: group.id, call))
                children.append(Child(name: name, isGroup: true, leadsBack: leadsBack))
            case .dataset: children.append(Child(name: name, isGroup: false))
            case .other, nil: break
            }
        }
        return children
    }

    /// Opens an existing dataset.
    func openDataset(_ path: String, _ call: Call) throws(HDF5Error) -> DatasetInfo {
        let dataset = try call.own(H5Dopen2(id, path, hid_t(H5P_DEFAULT)), H5Dclose)
        let type = try call.own(H5Dget_type(dataset.id), H5Tclose)
        let types = HDF5Library.session.types
        guard let match = types.match(type.id) else { throw call.error("its elements are not plain numbers") }
        let shape = try shape(of: dataset.id, call)
        // Also checked where another axis is 0, because chunks are counted along each axis.
        guard let byteCount = Self.byteCount(shape, match.type.byteCount),
            ([byteCount] + shape).allSatisfy({ $0 <= Self.largestDataset })
        else { throw call.error("its shape \(shape) is impossible") }

        let creation = try call.own(H5Dget_create_plist(dataset.id), H5Pclose)
        guard try call.check(H5Pget_external_count(creation.id)) == 0 else {
            throw call.error("its data are in other files")
        }
        var chunkShape: [Int]?
        var chunkByteCount = 0
        switch H5Pget_layout(creation.id) {
        case H5D_CONTIGUOUS, H5D_COMPACT:
            let stored = H5Dget_storage_size(dataset.id)
            guard stored == 0 || stored == byteCount else {
                throw call.error("\(stored) bytes are stored for shape \(shape), \(byteCount) bytes")
            }
        case H5D_CHUNKED:
            var chunk = [hsize_t](repeating: 0, count: Int(H5S_MAX_RANK))
            let rank = try call.check(H5Pget_chunk(creation.id, Int32(chunk.count), &chunk))
            let lengths = chunk.prefix(Int(rank)).map { Int(clamping: $0) }
            guard lengths.count == shape.count, lengths.allSatisfy({ $0 > 0 }),
                let bytes = Self.byteCount(lengths, match.type.byteCount), bytes <= Self.longestChunk
            else { throw call.error("its chunks of \(lengths) are impossible") }
            chunkShape = lengths
            chunkByteCount = bytes
        default: throw call.error("its data are in other files or in an unknown layout")
        }

        var fill = [UInt8](repeating: 0, count: match.type.byteCount)
        var status = H5D_FILL_VALUE_UNDEFINED
        try call.check(H5Pfill_value_defined(creation.id, &status))
        if status != H5D_FILL_VALUE_UNDEFINED {
            try call.check(H5Pget_fill_value(creation.id, types.native(match.type), &fill))
        }
        let filters = try filters(of: creation.id, call)
        let handle = add(
            OpenDataset(
                dataset, path: path, shape: shape, chunkShape: chunkShape, chunkByteCount: chunkByteCount,
                elementType: match.type, filterIDs: filters.map(\.id)))
        return DatasetInfo(
            handle: handle, shape: shape, chunkShape: chunkShape, elementType: match.type,
            isBigEndian: match.isBigEndian, filters: filters, fillValue: fill)
    }

    private func shape(of dataset: hid_t, _ call: Call) throws(HDF5Error) -> [Int] {
        let space = try call.own(H5Dget_space(dataset), H5Sclose)
        switch H5Sget_simple_extent_type(space.id) {
        case H5S_SCALAR: return []
        case H5S_SIMPLE: break
        default: throw call.error("it is declared as having no elements")
        }
        var lengths = [hsize_t](repeating: 0, count: Int(H5S_MAX_RANK))
        let rank = try call.check(H5Sget_simple_extent_dims(space.id, &lengths, nil))
        return lengths.prefix(Int(rank)).map { Int(clamping: $0) }
    }

    private func filters(of creation: hid_t, _ call: Call) throws(HDF5Error) -> [DatasetInfo.Filter] {
        var filters: [DatasetInfo.Filter] = []
        for index in 0..<UInt32(try call.check(H5Pget_nfilters(creation))) {
            var flags: UInt32 = 0
            var count = 0
            try call.check(H5Pget_filter2(creation, index, &flags, &count, nil, 0, nil, nil))
            guard count <= 65535 else { throw call.error("filter \(index) has \(count) parameters") }
            var values = [UInt32](repeating: 0, count: count)
            let id = try call.check(H5Pget_filter2(creation, index, &flags, &count, &values, 0, nil, nil))
            filters.append(DatasetInfo.Filter(id: Int(id), clientData: values))
        }
        return filters
    }

    func readChunk(_ source: OpenDataset, at offset: [Int], _ call: Call) throws(HDF5Error) -> StoredChunk? {
        let position = try source.chunkOffset(offset, call)
        var length: hsize_t = 0
        if H5Dget_chunk_storage_size(source.id, position, &length) < 0 {
            // 1.10 reports a missing chunk this way if the dataset has other chunks; else as length 0.
            let cause = ErrorStack().messages.first
            if cause == "chunk address isn't defined" || cause == "chunk storage is not allocated" { return nil }
            throw call.failure()
        }
        guard length > 0 else { return nil }
        guard length <= disk.endOfFile, length <= Self.longestChunk else {
            throw call.error("a chunk of \(length) bytes in a file of \(disk.endOfFile) bytes")
        }
        let bytes = ByteBuffer(count: Int(length))
        // Limits the read, because the library may get another length from a damaged index than we did.
        disk.longestRead = bytes.count
        disk.refusesHeaps = false
        defer {
            disk.longestRead = .max
            disk.refusesHeaps = true
        }
        var mask: UInt32 = 0
        let status = bytes.withUnsafeMutableBytes {
            H5Dread_chunk(source.id, hid_t(H5P_DEFAULT), position, &mask, $0.baseAddress)
        }
        try call.check(status)
        guard disk.lastRead == bytes.count else {
            throw call.error("a chunk of \(disk.lastRead) bytes where \(bytes.count) belong")
        }
        return StoredChunk(bytes: bytes, filterMask: mask)
    }

    func read(_ source: OpenDataset, start: [Int], count: [Int], _ call: Call) throws(HDF5Error) -> ByteBuffer {
        guard start.count == source.shape.count, count.count == start.count else {
            throw call.error("the box does not have the axes of shape \(source.shape)")
        }
        for axis in start.indices {
            guard start[axis] >= 0, count[axis] >= 0, start[axis] <= source.shape[axis],
                count[axis] <= source.shape[axis] - start[axis]
            else { throw call.error("the box leaves shape \(source.shape)") }
        }
        if let foreign = source.filterIDs.first(where: { ChunkFilter.foreignIDs.contains(H5Z_filter_t($0)) }) {
            throw call.error("filter \(foreign) is not part of the library: read it chunk by chunk")
        }
        guard let byteCount = Self.byteCount(count, source.elementType.byteCount), byteCount <= Self.mostBytesAtOnce
        else { throw call.error("more than \(Self.mostBytesAtOnce) bytes at once") }
        let bytes = ByteBuffer(count: byteCount)
        guard byteCount > 0 else { return bytes }
        let space = try call.own(H5Dget_space(source.id), H5Sclose)
        let lengths = count.map { hsize_t($0) }
        if !start.isEmpty {
            let first = start.map { hsize_t($0) }
            try call.check(H5Sselect_hyperslab(space.id, H5S_SELECT_SET, first, nil, lengths, nil))
        }
        let memory = try Self.makeSpace(lengths, call)
        let native = HDF5Library.session.types.native(source.elementType)
        disk.refusesHeaps = false
        defer { disk.refusesHeaps = true }
        let status = bytes.withUnsafeMutableBytes {
            H5Dread(source.id, native, memory.id, space.id, hid_t(H5P_DEFAULT), $0.baseAddress)
        }
        try call.check(status)
        return bytes
    }
}
