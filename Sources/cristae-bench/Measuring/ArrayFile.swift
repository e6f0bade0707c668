import Elements
import Foundation
import Geometry

/// A volume in a NumPy file: little-endian, C order, three axes.
struct ArrayFile {
    let elementType: ElementType
    let shape: ZYX<Int>
    let voxels: ByteBuffer

    init(_ path: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
        guard data.count > 10, data.prefix(6) == Data([0x93] + Array("NUMPY".utf8)), data[6] == 1 else {
            throw BenchError("\(path) is no NumPy file of version 1")
        }
        let headerBytes = Int(data[8]) | Int(data[9]) << 8
        let header = String(decoding: data[10..<(10 + headerBytes)], as: UTF8.self)
        let types: [Substring: ElementType] = [
            "u1": .uint8, "u2": .uint16, "u4": .uint32, "u8": .uint64, "i1": .int8, "i2": .int16, "f4": .float32,
        ]
        guard let match = header.firstMatch(of: /'descr': '[<|](..)'/), let type = types[match.1],
            header.contains("'fortran_order': False"),
            let numbers = header.firstMatch(of: /'shape': \((\d+), (\d+), (\d+)\)/), let z = Int(numbers.1),
            let y = Int(numbers.2), let x = Int(numbers.3)
        else { throw BenchError("\(path): this header is not understood: \(header)") }
        elementType = type
        shape = ZYX(z, y, x)
        let start = 10 + headerBytes
        guard data.count == start + shape.product * type.byteCount else { throw BenchError("\(path) is too short") }
        let buffer = ByteBuffer(count: data.count - start)
        Self.useLargePages(buffer)
        buffer.withUnsafeMutableBytes { _ = data.copyBytes(to: $0, from: start..<data.count) }
        voxels = buffer
    }

    /// Asks for large pages, as NumPy does for the arrays of the peers: most of the time of a fast kernel would go into
    /// page faults and the search for pages otherwise.
    static func useLargePages(_ buffer: ByteBuffer) {
        #if os(Linux)
            let pageBytes = 2 << 20
            buffer.withUnsafeMutableBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                let start = base.alignedUp(toMultipleOf: pageBytes)
                let end = (base + bytes.count).alignedDown(toMultipleOf: pageBytes)
                if start < end { madvise(start, end - start, MADV_HUGEPAGE) }
            }
        #endif
    }
}
