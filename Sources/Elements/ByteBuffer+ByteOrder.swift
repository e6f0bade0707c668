extension ByteBuffer {
    /// Reverses the bytes of every element in place. `elementByteCount` is 1, 2, 4 or 8.
    public func swapBytes(elementByteCount: Int) {
        switch elementByteCount {
        case 2: swapBytes(as: UInt16.self)
        case 4: swapBytes(as: UInt32.self)
        case 8: swapBytes(as: UInt64.self)
        default: break
        }
    }

    private func swapBytes<Value: FixedWidthInteger & BitwiseCopyable>(as type: Value.Type) {
        withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: Value.self) { values in
                for index in values.indices { values[index] = values[index].byteSwapped }
            }
        }
    }
}
