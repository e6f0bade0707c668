import Elements
import Foundation
import HDF5
import TestSupport
import Testing

struct ReaderTests {
    let scratch = Scratch()

    @Test func refusesWhatIsNoFile() async throws {
        try scratch.write(Array("This is a text.".utf8), to: "text")
        try scratch.write([], to: "empty")
        let missing = await #expect(throws: HDF5Error.self) { try await HDF5Reader(opening: scratch.file("missing")) }
        #expect(missing?.errno == ENOENT)
        for name in ["text", "empty", ""] {
            let error = await #expect(throws: HDF5Error.self) { try await HDF5Reader(opening: scratch.file(name)) }
            #expect(error?.path == scratch.file(name))
            #expect(error?.description.contains("\n") == false)
        }
    }

    @Test func refusesTruncatedFiles() async throws {
        let whole = try await sample()
        for count in stride(from: 1, to: whole.count, by: 257) {
            try scratch.write(Array(whole[..<count]), to: "cut")
            let error = await #expect(throws: HDF5Error.self) { try await HDF5Reader(opening: scratch.file("cut")) }
            #expect(error?.operation == "open an HDF5 file")
        }
    }

    /// Whatever a damaged file says, reading it ends, with or without an error.
    @Test func survivesDamage() async throws {
        let whole = try await sample()
        var failures = 0
        var position = 8
        for round in 0..<200 {
            var bytes = whole
            for _ in 0...round % 4 {
                position = (position * 1_103_515_245 + 12345) & 0x7FFF_FFFF
                bytes[position % bytes.count] = [0, 255, 127, 1][round / 4 % 4]
            }
            try scratch.write(bytes, to: "damaged")
            do {
                try await readAll("damaged")
            } catch let error as HDF5Error {
                failures += 1
                #expect(!error.description.contains("\n"))
            }
        }
        #expect(failures > 20)
    }

    @Test func textsAreBoundedByTheirHeap() async throws {
        var bytes = try await sample()
        let heap = try #require(bytes.firstRange(of: Array("GCOL".utf8)))
        // The length of the first object in the heap.
        bytes.replaceSubrange(
            heap.lowerBound + 24..<heap.lowerBound + 32, with: [255, 255, 255, 255, 255, 255, 255, 127])
        try scratch.write(bytes, to: "damaged")
        let reader = try await HDF5Reader(opening: scratch.file("damaged"))
        let error = await #expect(throws: HDF5Error.self) { try await reader.attributes(of: "/") }
        #expect(error?.message.contains("heap") == true)
    }

    @Test(arguments: [ChunkFilter.deflate(level: 1), .none], [UInt32(0xFFFF_FFF0), 100, 60])
    func chunkLengthsAreBounded(filter: ChunkFilter, claimed: UInt32) async throws {
        let writer = try await HDF5Writer(creating: scratch.file("a.h5"))
        let dataset = try await writer.createDataset(
            DatasetLayout(
                path: "d", elementType: .uint8, shape: [8, 8], chunkShape: [8, 8], filter: filter, fillValue: [0]))
        try await writer.writeChunk(ByteBuffer([UInt8](repeating: 3, count: 64)), to: dataset, offset: [0, 0])
        try await writer.close()
        var bytes = try scratch.bytes("a.h5")
        // The first key of the chunk B-tree begins with the length of the first chunk.
        let tree = try #require(bytes.firstRange(of: Array("TREE".utf8)))
        let key = tree.lowerBound + 24
        #expect(Array(bytes[key..<key + 4]) == [64, 0, 0, 0])
        for index in 0..<4 { bytes[key + index] = UInt8(truncatingIfNeeded: claimed >> (8 * UInt32(index))) }
        try scratch.write(bytes, to: "damaged")
        let reader = try await HDF5Reader(opening: scratch.file("damaged"))
        let info = try #require(try await reader.dataset("d"))
        if filter != .none, claimed == 60 {
            // Only the decoder can tell.
            #expect(try await reader.readChunk(info.handle, offset: [0, 0])?.bytes.count == 60)
        } else {
            let error = await #expect(throws: HDF5Error.self) {
                try await reader.readChunk(info.handle, offset: [0, 0])
            }
            #expect(error?.object == "d at [0, 0]")
        }
    }

    private func sample() async throws -> [UInt8] {
        let writer = try await HDF5Writer(creating: scratch.file("sample"))
        try await writeSample(writer)
        try await writer.close()
        return try scratch.bytes("sample")
    }

    private func readAll(_ name: String) async throws {
        let reader = try await HDF5Reader(opening: scratch.file(name))
        _ = try await reader.attributes(of: "/")
        for group in ["", "label_crop"] {
            for child in try await reader.children(of: group) where !child.isGroup {
                let path = group + "/" + child.name
                _ = try await reader.attributes(of: path)
                guard let info = try await reader.dataset(path) else { continue }
                _ = try await reader.readChunk(info.handle, offset: info.shape.map { _ in 0 })
                _ = try await reader.read(
                    info.handle, start: info.shape.map { _ in 0 }, count: info.shape.map { min($0, 9) })
            }
        }
        await reader.close()
    }
}
