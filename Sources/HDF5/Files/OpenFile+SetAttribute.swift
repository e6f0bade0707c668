internal import CHDF5

extension OpenFile {
    /// Sets an attribute of the object at `path` in place of one of that name.
    func setAttribute(_ name: String, _ value: AttributeValue, on path: String, _ call: Call) throws(HDF5Error) {
        guard !name.isEmpty, !name.utf8.contains(0), !path.utf8.contains(0) else {
            throw call.error("this is not a name for an attribute")
        }
        let object = try call.own(H5Oopen(id, path, hid_t(H5P_DEFAULT)), H5Oclose)
        switch value {
        case .string(let text):
            try writeStrings([text], isScalar: true, name, object.id, call)
        case .strings(let texts):
            try writeStrings(texts, isScalar: false, name, object.id, call)
        case .integer(let number):
            try write([number], isScalar: true, .integer, name, object.id, call)
        case .integers(let numbers):
            try write(numbers, isScalar: false, .integer, name, object.id, call)
        case .unsigned(let number):
            try write([number], isScalar: true, .unsigned, name, object.id, call)
        case .double(let number):
            try write([number], isScalar: true, .double, name, object.id, call)
        case .doubles(let numbers):
            try write(numbers, isScalar: false, .double, name, object.id, call)
        case .floats(let numbers):
            try write(numbers, isScalar: false, .float, name, object.id, call)
        }
    }

    private enum Number {
        case integer, unsigned, double, float

        var types: (file: hid_t, memory: hid_t) {
            switch self {
            case .integer: (cristae_H5T_STD_I64LE(), cristae_H5T_NATIVE_INT64())
            case .unsigned: (cristae_H5T_STD_U64LE(), cristae_H5T_NATIVE_UINT64())
            case .double: (cristae_H5T_IEEE_F64LE(), cristae_H5T_NATIVE_DOUBLE())
            case .float: (cristae_H5T_IEEE_F32LE(), cristae_H5T_NATIVE_FLOAT())
            }
        }
    }

    private func write<T: BitwiseCopyable>(
        _ values: [T], isScalar: Bool, _ number: Number, _ name: String, _ object: hid_t, _ call: Call
    ) throws(HDF5Error) {
        let attribute = try make(name, number.types.file, isScalar ? nil : values.count, object, call)
        guard !values.isEmpty else { return }
        try call.check(H5Awrite(attribute.id, number.types.memory, values))
    }

    private func writeStrings(
        _ texts: [String], isScalar: Bool, _ name: String, _ object: hid_t, _ call: Call
    ) throws(HDF5Error) {
        guard !texts.contains(where: { $0.utf8.contains(0) }) else { throw call.error("a text contains a zero byte") }
        let type = try call.own(H5Tcopy(cristae_H5T_C_S1()), H5Tclose)
        try call.check(H5Tset_size(type.id, cristae_H5T_VARIABLE()))
        try call.check(H5Tset_cset(type.id, H5T_CSET_UTF8))
        let attribute = try make(name, type.id, isScalar ? nil : texts.count, object, call)
        guard !texts.isEmpty else { return }
        // All strings one after another, each with a zero byte, and a pointer to each.
        var bytes: [CChar] = []
        var starts: [Int] = []
        for text in texts {
            starts.append(bytes.count)
            bytes.append(contentsOf: text.utf8.lazy.map { CChar(bitPattern: $0) })
            bytes.append(0)
        }
        let status = bytes.withUnsafeBufferPointer { buffer in
            let pointers = starts.map { start in buffer.baseAddress.map { $0 + start } }
            return H5Awrite(attribute.id, type.id, pointers)
        }
        try call.check(status)
    }

    /// Makes an attribute: a scalar, or an array of `count` elements.
    private func make(
        _ name: String, _ type: hid_t, _ count: Int?, _ object: hid_t, _ call: Call
    ) throws(HDF5Error) -> Handle {
        if try call.check(H5Aexists(object, name)) > 0 { try call.check(H5Adelete(object, name)) }
        let creation = try call.own(H5Pcreate(cristae_H5P_ATTRIBUTE_CREATE()), H5Pclose)
        try call.check(H5Pset_char_encoding(creation.id, H5T_CSET_UTF8))
        let space = try Self.makeSpace(count.map { [hsize_t($0)] } ?? [], call)
        return try call.own(
            H5Acreate2(object, name, type, space.id, creation.id, hid_t(H5P_DEFAULT)), H5Aclose)
    }
}
