import Elements
import Foundation
import HDF5

/// A zlib stream that holds `bytes` uncompressed.
func zlibStream(of bytes: [UInt8]) -> [UInt8] {
    precondition(bytes.count < 65536)
    let length = UInt16(bytes.count)
    var sums: (a: UInt32, b: UInt32) = (1, 0)
    for byte in bytes {
        sums.a = (sums.a + UInt32(byte)) % 65521
        sums.b = (sums.b + sums.a) % 65521
    }
    let header: [UInt8] = [0x78, 0x01, 1, UInt8(length & 0xFF), UInt8(length >> 8)]
    let complement: [UInt8] = [UInt8(~length & 0xFF), UInt8(~length >> 8)]
    let checksum = [sums.b >> 8, sums.b & 0xFF, sums.a >> 8, sums.a & 0xFF].map { UInt8($0) }
    return header + complement + bytes + checksum
}

/// A file with groups, attributes of all kinds, two element types, stored and unstored chunks.
func writeSample(_ writer: HDF5Writer) async throws {
    try await writer.setAttribute("crop_id", .integer(124), on: "/")
    try await writer.setAttribute("dataset", .string("jrc_hela-2 µ"), on: "/")
    for index in 0..<30 {
        let text = String(repeating: "x", count: index * 41)
        try await writer.setAttribute("text\(index)", .string(text), on: "/")
    }
    for (name, type) in [("raw_crop", ElementType.uint8), ("label_crop/mito", .uint16), ("label_crop/er", .uint64)] {
        let dataset = try await writer.createDataset(
            DatasetLayout(
                path: name, elementType: type, shape: [9, 6, 7], chunkShape: [4, 4, 4], filter: .deflate(level: 6),
                fillValue: [UInt8](repeating: 0, count: type.byteCount)))
        try await writer.setAttribute("DIMENSION_LABELS", .strings(["z", "y", "x"]), on: name)
        try await writer.setAttribute("scale", .doubles([8, 8, 8]), on: name)
        try await writer.setAttribute("element_size_um", .floats([0.008, 0.008, 0.008]), on: name)
        for z in [0, 8] {
            let elements = (0..<64 * type.byteCount).map { UInt8(($0 + z) % 200) }
            try await writer.writeChunk(ByteBuffer(zlibStream(of: elements)), to: dataset, offset: [z, 4, 0])
        }
    }
}
