internal import CHDF5

/// The variable-length strings of one file, to which attributes refer.
///
/// libhdf5 1.10 copies as many bytes as the heap states into a buffer as long as the reference states, so a damaged file overwrites memory.
/// So the library only returns the references, and the heap (HDF5 file format, "Global Heap") is read here with checks.
struct GlobalHeap {
    /// Collections have 4 KiB, or the size of their one long object. A longer one counts as damaged.
    private static let longestCollection = 64 << 20

    private let disk: DriverFile
    private let call: Call
    /// Bytes before the HDF5 data, from which addresses count.
    private let base: UInt64
    private let addressByteCount: Int
    private let lengthByteCount: Int
    private var collections: [UInt64: Collection] = [:]

    private struct Collection {
        let bytes: [UInt8]
        let objects: [UInt64: Range<Int>]
    }

    init(of file: OpenFile, _ call: Call) throws(HDF5Error) {
        let creation = try call.own(H5Fget_create_plist(file.id), H5Pclose)
        var base: hsize_t = 0
        try call.check(H5Pget_userblock(creation.id, &base))
        var sizes = (address: 0, length: 0)
        try call.check(H5Pget_sizes(creation.id, &sizes.address, &sizes.length))
        guard [2, 4, 8].contains(sizes.address), [2, 4, 8].contains(sizes.length) else {
            throw call.error("addresses of \(sizes.address) and lengths of \(sizes.length) bytes")
        }
        disk = file.disk
        self.call = call
        self.base = UInt64(base)
        (addressByteCount, lengthByteCount) = sizes
    }

    /// The `count` texts of an attribute.
    mutating func texts(of attribute: hid_t, count: Int) throws(HDF5Error) -> [String] {
        let stride = 4 + addressByteCount + 4
        let type = try call.own(H5Tcreate(H5T_OPAQUE, stride), H5Tclose)
        var references = [UInt8](repeating: 0, count: count * stride)
        try call.check(H5Aread(attribute, type.id, &references))
        var texts: [String] = []
        for start in Swift.stride(from: 0, to: references.count, by: stride) {
            let length = Self.number(references, start, 4)
            let address = Self.number(references, start + 4, addressByteCount)
            let index = Self.number(references, start + 4 + addressByteCount, 4)
            texts.append(try text(length: length, address: address, index: index))
        }
        return texts
    }

    private mutating func text(length: UInt64, address: UInt64, index: UInt64) throws(HDF5Error) -> String {
        guard length > 0, address > 0 else { return "" }
        let collection = try collection(at: address)
        guard let object = collection.objects[index], object.count >= Int(length) else {
            throw call.error("the file's heap does not hold a text of \(length) bytes that is referred to")
        }
        let bytes = collection.bytes[object].prefix(Int(length)).prefix { $0 != 0 }
        return String(decoding: bytes, as: UTF8.self)
    }

    private mutating func collection(at address: UInt64) throws(HDF5Error) -> Collection {
        if let known = collections[address] { return known }
        let header = (8 + lengthByteCount + 7) & ~7
        let (start, overflow) = base.addingReportingOverflow(address)
        guard !overflow, let head = read(header, at: start), head.starts(with: "GCOL".utf8), head[4] == 1,
            let size = Int(exactly: Self.number(head, 8, lengthByteCount)),
            header...Self.longestCollection ~= size, let bytes = read(size, at: start)
        else { throw call.error("the file's heap is damaged at byte \(start)") }
        var objects: [UInt64: Range<Int>] = [:]
        var position = header
        while position + header <= size {
            let index = Self.number(bytes, position, 2)
            let length = Self.number(bytes, position + 8, lengthByteCount)
            let first = position + header
            // Object 0 is the free rest.
            guard index > 0, length <= UInt64(size - first) else { break }
            objects[index] = first..<first + Int(length)
            position = first + (Int(length) + 7) & ~7
        }
        let collection = Collection(bytes: bytes, objects: objects)
        collections[address] = collection
        return collection
    }

    private func read(_ count: Int, at address: UInt64) -> [UInt8]? {
        guard address <= disk.endOfFile, UInt64(count) <= disk.endOfFile - address else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        return bytes.withUnsafeMutableBytes { disk.read(into: $0, at: address) } ? bytes : nil
    }

    /// A number of `count` bytes, least significant byte first, as everything in HDF5's own structures.
    private static func number(_ bytes: [UInt8], _ start: Int, _ count: Int) -> UInt64 {
        bytes[start..<start + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
