internal import CHDF5
internal import Elements

/// The value of an attribute: a scalar or a one-dimensional array.
public enum AttributeValue: Sendable, Equatable {
    case string(String)
    case strings([String])
    case integer(Int64)
    case integers([Int64])
    case unsigned(UInt64)
    case double(Double)
    case doubles([Double])
    case floats([Float])
}

extension OpenFile {
    /// The attributes of known types of the object at `path`.
    func attributes(of path: String, _ call: Call) throws(HDF5Error) -> [String: AttributeValue] {
        guard try kind(of: path, call) != nil else { throw call.error("there is no such object") }
        let object = try call.own(H5Oopen(id, path.isEmpty ? "/" : path, hid_t(H5P_DEFAULT)), H5Oclose)
        // Checks all attributes first: 1.10.8 survives a damaged one here, but not while listing.
        try call.check(H5Aexists(object.id, Self.impossibleName))
        let names = try Self.names(call) { names in
            H5Aiterate2(
                object.id, H5_INDEX_NAME, H5_ITER_NATIVE, nil,
                { _, name, _, names in OpenFile.add(name, to: names) }, names)
        }
        var heap = try GlobalHeap(of: self, call)
        var attributes: [String: AttributeValue] = [:]
        for name in names {
            let attribute = try call.own(H5Aopen(object.id, name, hid_t(H5P_DEFAULT)), H5Aclose)
            attributes[name] = try value(of: attribute.id, &heap, call)
        }
        return attributes
    }

    /// The value of an attribute; nil where it is of a kind that ``AttributeValue`` does not have.
    private func value(
        of attribute: hid_t, _ heap: inout GlobalHeap, _ call: Call
    ) throws(HDF5Error) -> AttributeValue? {
        let space = try call.own(H5Aget_space(attribute), H5Sclose)
        let isScalar: Bool
        switch H5Sget_simple_extent_type(space.id) {
        case H5S_SCALAR: isScalar = true
        case H5S_SIMPLE where H5Sget_simple_extent_ndims(space.id) == 1: isScalar = false
        default: return nil
        }
        let type = try call.own(H5Aget_type(attribute), H5Tclose)
        let count = Int(try call.check(H5Sget_simple_extent_npoints(space.id)))
        let (byteCount, overflow) = count.multipliedReportingOverflow(by: H5Tget_size(type.id))
        guard !overflow, byteCount <= disk.endOfFile else {
            throw call.error("an attribute of \(count) elements in a file of \(disk.endOfFile) bytes")
        }
        if H5Tget_class(type.id) == H5T_STRING {
            guard let texts = try strings(attribute, type.id, count, &heap, call) else { return nil }
            guard isScalar else { return .strings(texts) }
            return texts.first.map { .string($0) }
        }
        return try number(attribute, type.id, count, isScalar, call)
    }

    private func number(
        _ attribute: hid_t, _ type: hid_t, _ count: Int, _ isScalar: Bool, _ call: Call
    ) throws(HDF5Error) -> AttributeValue? {
        guard let match = HDF5Library.session.types.match(type) else { return nil }
        switch match.type {
        case .bool:
            let values = try read(attribute, HDF5Library.session.types.native(.bool), UInt8(0), count, call)
            return isScalar ? .integer(Int64(values[0])) : .integers(values.map { Int64($0) })
        case .int8, .int16, .int32, .int64:
            let values = try read(attribute, cristae_H5T_NATIVE_INT64(), Int64(0), count, call)
            return isScalar ? .integer(values[0]) : .integers(values)
        case .uint8, .uint16, .uint32, .uint64:
            let values = try read(attribute, cristae_H5T_NATIVE_UINT64(), UInt64(0), count, call)
            if isScalar { return .unsigned(values[0]) }
            let integers = values.compactMap { Int64(exactly: $0) }
            return integers.count == values.count ? .integers(integers) : nil
        case .float16, .float32:
            let values = try read(attribute, cristae_H5T_NATIVE_FLOAT(), Float(0), count, call)
            return isScalar ? .double(Double(values[0])) : .floats(values)
        case .float64:
            let values = try read(attribute, cristae_H5T_NATIVE_DOUBLE(), Double(0), count, call)
            return isScalar ? .double(values[0]) : .doubles(values)
        }
    }

    private func read<T: BitwiseCopyable>(
        _ attribute: hid_t, _ type: hid_t, _ zero: T, _ count: Int, _ call: Call
    ) throws(HDF5Error) -> [T] {
        var values = [T](repeating: zero, count: count)
        guard count > 0 else { return values }
        try call.check(H5Aread(attribute, type, &values))
        return values
    }

    private func strings(
        _ attribute: hid_t, _ type: hid_t, _ count: Int, _ heap: inout GlobalHeap, _ call: Call
    ) throws(HDF5Error) -> [String]? {
        guard count > 0 else { return [] }
        if try call.check(H5Tis_variable_str(type)) > 0 {
            return try heap.texts(of: attribute, count: count)
        }
        let length = H5Tget_size(type)
        guard length > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: count * length)
        try call.check(H5Aread(attribute, type, &bytes))
        let isSpacePadded = H5Tget_strpad(type) == H5T_STR_SPACEPAD
        return stride(from: 0, to: bytes.count, by: length).map { start in
            var text = bytes[start..<start + length].prefix { $0 != 0 }
            while isSpacePadded, text.last == UInt8(ascii: " ") { text.removeLast() }
            return String(decoding: text, as: UTF8.self)
        }
    }
}
