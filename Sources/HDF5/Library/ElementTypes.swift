internal import CHDF5
internal import Elements

/// The HDF5 datatypes of the element types, as h5py makes them.
struct ElementTypes: Sendable {
    private let half: (little: hid_t, big: hid_t)
    private let boolean: hid_t

    init() {
        half = (Self.makeHalf(cristae_H5T_IEEE_F32LE()), Self.makeHalf(cristae_H5T_IEEE_F32BE()))
        boolean = H5Tenum_create(cristae_H5T_STD_I8LE())
        for (value, name) in [Int8(0), 1].enumerated().map({ ($1, $0 == 0 ? "FALSE" : "TRUE") }) {
            withUnsafePointer(to: value) { _ = H5Tenum_insert(boolean, name, $0) }
        }
    }

    /// IEEE half precision, cut out of a single precision type.
    private static func makeHalf(_ single: hid_t) -> hid_t {
        let type = H5Tcopy(single)
        H5Tset_fields(type, 15, 10, 5, 0, 10)
        H5Tset_size(type, 2)
        H5Tset_ebias(type, 15)
        return type
    }

    /// The type in a file with the least significant byte first, which is how all files are written.
    func little(_ type: ElementType) -> hid_t {
        switch type {
        case .bool: boolean
        case .uint8: cristae_H5T_STD_U8LE()
        case .int8: cristae_H5T_STD_I8LE()
        case .uint16: cristae_H5T_STD_U16LE()
        case .int16: cristae_H5T_STD_I16LE()
        case .uint32: cristae_H5T_STD_U32LE()
        case .int32: cristae_H5T_STD_I32LE()
        case .uint64: cristae_H5T_STD_U64LE()
        case .int64: cristae_H5T_STD_I64LE()
        case .float16: half.little
        case .float32: cristae_H5T_IEEE_F32LE()
        case .float64: cristae_H5T_IEEE_F64LE()
        }
    }

    func big(_ type: ElementType) -> hid_t {
        switch type {
        case .bool: boolean
        case .uint8: cristae_H5T_STD_U8BE()
        case .int8: cristae_H5T_STD_I8BE()
        case .uint16: cristae_H5T_STD_U16BE()
        case .int16: cristae_H5T_STD_I16BE()
        case .uint32: cristae_H5T_STD_U32BE()
        case .int32: cristae_H5T_STD_I32BE()
        case .uint64: cristae_H5T_STD_U64BE()
        case .int64: cristae_H5T_STD_I64BE()
        case .float16: half.big
        case .float32: cristae_H5T_IEEE_F32BE()
        case .float64: cristae_H5T_IEEE_F64BE()
        }
    }

    /// The type in memory, in the machine's byte order.
    func native(_ type: ElementType) -> hid_t { 1.littleEndian == 1 ? little(type) : big(type) }

    /// The element type of a file's datatype; nil for an unsupported one.
    func match(_ file: hid_t) -> (type: ElementType, isBigEndian: Bool)? {
        switch H5Tget_class(file) {
        case H5T_ENUM:
            return isBoolean(file) ? (.bool, false) : nil
        case H5T_INTEGER, H5T_FLOAT:
            for type in ElementType.allCases where type != .bool && type.byteCount == H5Tget_size(file) {
                if H5Tequal(file, little(type)) > 0 { return (type, false) }
                if H5Tequal(file, big(type)) > 0 { return (type, true) }
            }
            return nil
        default:
            return nil
        }
    }

    /// Whether it is numpy's bool as h5py stores it: an enumeration of one byte with only FALSE = 0 and TRUE = 1.
    private func isBoolean(_ type: hid_t) -> Bool {
        guard H5Tget_size(type) == 1, H5Tget_nmembers(type) == 2 else { return false }
        return [("FALSE", UInt8(0)), ("TRUE", 1)].allSatisfy { name, expected in
            var value: UInt8 = 0xFF
            return H5Tenum_valueof(type, name, &value) >= 0 && value == expected
        }
    }
}
