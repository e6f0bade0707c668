internal import Elements

/// A block of elements of any type, widened to 64 bits without loss: integers to `Int64` (`uint64` as its bits), floats to `Double`.
struct ElementLanes {
    private var integers: [Int64]
    private var floats: [Double]
    /// Elements in use.
    private var count = 0
    private var isFloat = false
    /// Whether integers are the bits of `UInt64`.
    private var isUInt64 = false

    /// The last element of the previous block, for running sums.
    struct Sum {
        var integer: Int64 = 0
        var float: Double = 0
        var isFirst = true
    }

    init(count: Int) {
        integers = [Int64](repeating: 0, count: count)
        floats = [Double](repeating: 0, count: count)
    }

    // MARK: Loading and storing

    mutating func load(_ source: UnsafeRawBufferPointer, at offset: Int, count: Int, _ type: StoredType) {
        self.count = count
        isFloat = type.elementType.isFloat
        isUInt64 = type.elementType == .uint64
        let swaps = type.isByteSwapped
        switch type.elementType {
        case .bool: load(source, offset) { (bits: UInt8) in bits == 0 ? 0 : 1 }
        case .uint8: load(source, offset) { (bits: UInt8) in Int64(bits) }
        case .int8: load(source, offset) { (bits: UInt8) in Int64(Int8(bitPattern: bits)) }
        case .uint16: load(source, offset) { (bits: UInt16) in Int64(swaps ? bits.byteSwapped : bits) }
        case .int16:
            load(source, offset) { (bits: UInt16) in Int64(Int16(bitPattern: swaps ? bits.byteSwapped : bits)) }
        case .uint32: load(source, offset) { (bits: UInt32) in Int64(swaps ? bits.byteSwapped : bits) }
        case .int32:
            load(source, offset) { (bits: UInt32) in Int64(Int32(bitPattern: swaps ? bits.byteSwapped : bits)) }
        case .uint64, .int64:
            load(source, offset) { (bits: UInt64) in Int64(bitPattern: swaps ? bits.byteSwapped : bits) }
        case .float16:
            loadFloats(source, offset) { (bits: UInt16) in
                Double(Float16(bitPattern: swaps ? bits.byteSwapped : bits))
            }
        case .float32:
            loadFloats(source, offset) { (bits: UInt32) in Double(Float(bitPattern: swaps ? bits.byteSwapped : bits)) }
        case .float64:
            loadFloats(source, offset) { (bits: UInt64) in Double(bitPattern: swaps ? bits.byteSwapped : bits) }
        }
    }

    private mutating func load<Bits: BitwiseCopyable>(
        _ source: UnsafeRawBufferPointer, _ offset: Int, _ widen: (Bits) -> Int64
    ) {
        for index in 0..<count {
            let place = offset + index * MemoryLayout<Bits>.size
            integers[index] = widen(source.loadUnaligned(fromByteOffset: place, as: Bits.self))
        }
    }

    private mutating func loadFloats<Bits: BitwiseCopyable>(
        _ source: UnsafeRawBufferPointer, _ offset: Int, _ widen: (Bits) -> Double
    ) {
        for index in 0..<count {
            let place = offset + index * MemoryLayout<Bits>.size
            floats[index] = widen(source.loadUnaligned(fromByteOffset: place, as: Bits.self))
        }
    }

    /// Writes elements that have already been converted to the type.
    func store(_ target: UnsafeMutableRawBufferPointer, at offset: Int, _ type: StoredType) {
        let swaps = type.isByteSwapped
        switch type.elementType {
        case .bool, .uint8, .int8: store(target, offset) { UInt8(truncatingIfNeeded: integers[$0]) }
        case .uint16, .int16:
            store(target, offset) {
                let bits = UInt16(truncatingIfNeeded: integers[$0])
                return swaps ? bits.byteSwapped : bits
            }
        case .uint32, .int32:
            store(target, offset) {
                let bits = UInt32(truncatingIfNeeded: integers[$0])
                return swaps ? bits.byteSwapped : bits
            }
        case .uint64, .int64:
            store(target, offset) { swaps ? integers[$0].byteSwapped : integers[$0] }
        case .float16:
            store(target, offset) {
                let bits = Float16(floats[$0]).bitPattern
                return swaps ? bits.byteSwapped : bits
            }
        case .float32:
            store(target, offset) {
                let bits = Float(floats[$0]).bitPattern
                return swaps ? bits.byteSwapped : bits
            }
        case .float64:
            store(target, offset) { swaps ? floats[$0].bitPattern.byteSwapped : floats[$0].bitPattern }
        }
    }

    private func store<Bits: BitwiseCopyable>(
        _ target: UnsafeMutableRawBufferPointer, _ offset: Int, _ narrow: (Int) -> Bits
    ) {
        for index in 0..<count {
            target.storeBytes(of: narrow(index), toByteOffset: offset + index * MemoryLayout<Bits>.size, as: Bits.self)
        }
    }

    // MARK: Arithmetic

    /// C's conversion, as numpy's `astype` does it: integers keep their low bits, floats lose their fraction.
    mutating func convert(to type: ElementType) {
        if type.isFloat {
            if !isFloat { for index in 0..<count { floats[index] = float(integers[index], type) } }
            for index in 0..<count { floats[index] = Self.rounded(floats[index], type) }
        } else if isFloat {
            for index in 0..<count { integers[index] = Self.integer(floats[index], type) }
        } else {
            for index in 0..<count { integers[index] = Self.wrapped(integers[index], type) }
        }
        isFloat = type.isFloat
        isUInt64 = type == .uint64
    }

    /// Running sums in the arithmetic of `type`, which the elements are of; `true` and `true` are `true`.
    mutating func accumulate(_ sum: inout Sum, as type: ElementType) {
        for index in 0..<count {
            if type.isFloat {
                sum.float = sum.isFirst ? floats[index] : Self.rounded(sum.float + floats[index], type)
                floats[index] = sum.float
            } else {
                sum.integer =
                    type == .bool ? sum.integer | integers[index] : Self.wrapped(sum.integer &+ integers[index], type)
                integers[index] = sum.integer
            }
            sum.isFirst = false
        }
    }

    /// `x / scale + offset`: floats of `type` stay floats of `type`, integers become Doubles.
    mutating func divide(by scale: Double, add offset: Double, as type: ElementType) {
        let type = type.isFloat ? type : .float64
        if !isFloat { for index in 0..<count { floats[index] = float(integers[index], type) } }
        let (scale, offset) = (Self.rounded(scale, type), Self.rounded(offset, type))
        for index in 0..<count {
            floats[index] = Self.rounded(Self.rounded(floats[index] / scale, type) + offset, type)
        }
        isFloat = true
        isUInt64 = false
    }

    // MARK: Conversions of one element

    /// The nearest value of a float type. Results of one operation in Double round to those of the operation in the
    /// narrower type, because Double has more than twice its digits.
    private static func rounded(_ value: Double, _ type: ElementType) -> Double {
        switch type {
        case .float16: Double(Float16(value))
        case .float32: Double(Float(value))
        default: value
        }
    }

    /// An integer as a value of a float type, rounded only once.
    private func float(_ value: Int64, _ type: ElementType) -> Double {
        if isUInt64 {
            let value = UInt64(bitPattern: value)
            return type == .float64 ? Double(value) : Double(Float(value))
        }
        return type == .float64 ? Double(value) : Double(Float(value))
    }

    /// The low bits of an integer, as the type takes them.
    private static func wrapped(_ value: Int64, _ type: ElementType) -> Int64 {
        switch type {
        case .bool: value == 0 ? 0 : 1
        case .uint8: Int64(UInt8(truncatingIfNeeded: value))
        case .int8: Int64(Int8(truncatingIfNeeded: value))
        case .uint16: Int64(UInt16(truncatingIfNeeded: value))
        case .int16: Int64(Int16(truncatingIfNeeded: value))
        case .uint32: Int64(UInt32(truncatingIfNeeded: value))
        case .int32: Int64(Int32(truncatingIfNeeded: value))
        default: value
        }
    }

    /// A float without its fraction. C leaves open what happens to values beyond the type's range; this gives what x86, and numpy on it, gives.
    private static func integer(_ value: Double, _ type: ElementType) -> Int64 {
        let whole = value.rounded(.towardZero)
        switch type {
        case .bool: return value == 0 ? 0 : 1
        case .int64: return Int64(exactly: whole) ?? .min
        case .uint64:
            guard whole >= 0x1p63 else { return Int64(exactly: whole) ?? .min }
            return (Int64(exactly: whole - 0x1p63) ?? .min) ^ .min
        case .uint32:
            let isUpperHalf = whole >= 0x1p31
            let bits = Int32(exactly: isUpperHalf ? whole - 0x1p31 : whole) ?? .min
            return Int64(UInt32(bitPattern: isUpperHalf ? bits ^ .min : bits))
        default: return wrapped(Int64(Int32(exactly: whole) ?? .min), type)
        }
    }
}
