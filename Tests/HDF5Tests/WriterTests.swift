import Elements
import Foundation
import HDF5
import TestSupport
import Testing

struct WriterTests {
    let scratch = Scratch()

    @Test(arguments: ElementType.allCases)
    func elementsComeBack(type: ElementType) async throws {
        let width = type.byteCount
        let fill = type == .bool ? [1] : [UInt8](1...UInt8(width))
        let chunk = (0..<2 * 3 * width).map { type == .bool ? UInt8($0 % 2) : UInt8($0) }
        let path = scratch.file("a.h5")
        let writer = try await HDF5Writer(creating: path)
        let dataset = try await writer.createDataset(
            DatasetLayout(
                path: "/a/b/c", elementType: type, shape: [3, 3], chunkShape: [2, 3], filter: .deflate(level: 6),
                fillValue: fill))
        try await writer.writeChunk(ByteBuffer(zlibStream(of: chunk)), to: dataset, offset: [0, 0])
        try await writer.close()

        let reader = try await HDF5Reader(opening: path)
        let info = try #require(try await reader.dataset("/a/b/c"))
        #expect(info.elementType == type)
        #expect(info.shape == [3, 3])
        #expect(info.chunkShape == [2, 3])
        #expect(info.fillValue == fill)
        #expect(!info.isBigEndian)
        #expect(info.filters == [DatasetInfo.Filter(id: 1, clientData: [6])])
        let elements = try await reader.read(info.handle, start: [0, 0], count: [3, 3])
        #expect(elements.array == chunk + fill + fill + fill)
        let box = try await reader.read(info.handle, start: [1, 1], count: [2, 1])
        #expect(box.array == Array(chunk[4 * width..<5 * width]) + fill)
        await reader.close()
    }

    @Test func attributesComeBack() async throws {
        let values: [String: AttributeValue] = [
            "string": .string("jrc_hela-2 µ"), "empty": .string(""), "strings": .strings(["z", "", "ÿx"]),
            "integer": .integer(.min), "integers": .integers([1, -2, .max]), "unsigned": .unsigned(.max),
            "double": .double(0.1), "doubles": .doubles([4.24, -0.0, .infinity]), "floats": .floats([0.008, 1]),
            "none": .doubles([]), "no strings": .strings([]), "long": .string(String(repeating: "é", count: 50_000)),
            "many": .doubles((0..<20_000).map { Double($0) }),
        ]
        let path = scratch.file("a.h5")
        let writer = try await HDF5Writer(creating: path)
        _ = try await writer.createDataset(
            DatasetLayout(
                path: "g/d", elementType: .uint8, shape: [1], chunkShape: [1], filter: .none, fillValue: [0]))
        for place in ["/", "/g", "/g/d"] {
            try await writer.setAttribute("integer", .string("to be replaced"), on: place)
            for (name, value) in values { try await writer.setAttribute(name, value, on: place) }
        }
        try await writer.close()
        let reader = try await HDF5Reader(opening: path)
        for place in ["/", "g", "/g/d"] { #expect(try await reader.attributes(of: place) == values) }
    }

    @Test(arguments: [
        (ChunkFilter.zstd(level: -5), 32015, [UInt32(bitPattern: -5)]),
        (.blosc(typeSize: 2, level: 5, shuffle: 1, compressor: "zstd"), 32001, [2, 2, 2, 48, 5, 1, 5]),
        (.blosc(typeSize: 1, level: 9, shuffle: 2, compressor: "lz4"), 32001, [2, 2, 1, 48, 9, 2, 1]),
    ])
    func filtersOutsideTheLibraryAreNamed(filter: ChunkFilter, id: Int, clientData: [UInt32]) async throws {
        let path = scratch.file("a.h5")
        let writer = try await HDF5Writer(creating: path)
        let dataset = try await writer.createDataset(
            DatasetLayout(
                path: "d", elementType: .uint16, shape: [2, 3, 4], chunkShape: [2, 3, 4], filter: filter,
                fillValue: [0, 0]))
        try await writer.writeChunk(ByteBuffer([1, 2, 3, 4, 5]), to: dataset, offset: [0, 0, 0])
        try await writer.close()
        let reader = try await HDF5Reader(opening: path)
        let info = try #require(try await reader.dataset("d"))
        #expect(info.filters == [DatasetInfo.Filter(id: id, clientData: clientData)])
        let chunk = try #require(try await reader.readChunk(info.handle, offset: [0, 0, 0]))
        #expect(chunk.bytes.array == [1, 2, 3, 4, 5])
        #expect(chunk.filterMask == 0)
        await #expect(throws: HDF5Error.self) {
            try await reader.read(info.handle, start: [0, 0, 0], count: [1, 1, 1])
        }
    }

    @Test func manyChunksComeBackAndOthersStayUnstored() async throws {
        let path = scratch.file("a.h5")
        let writer = try await HDF5Writer(creating: path)
        // 2^40 elements, of which little is ever stored; the order of writing is not that of the file.
        let layout = DatasetLayout(
            path: "d", elementType: .uint8, shape: [1 << 14, 1 << 13, 1 << 13], chunkShape: [8, 8, 8], filter: .none,
            fillValue: [7])
        let dataset = try await writer.createDataset(layout)
        let offsets = (0..<2000).map { [$0 * 7919 % 2048 * 8, $0 * 31 % 1024 * 8, 8184] }
        for (index, offset) in offsets.enumerated() {
            let bytes = ByteBuffer([UInt8](repeating: UInt8(index % 251), count: 512))
            try await writer.writeChunk(bytes, to: dataset, offset: offset)
        }
        try await writer.close()
        let reader = try await HDF5Reader(opening: path)
        let info = try #require(try await reader.dataset("d"))
        #expect(info.shape == layout.shape)
        for (index, offset) in offsets.enumerated() {
            let chunk = try #require(try await reader.readChunk(info.handle, offset: offset))
            #expect(chunk.bytes.array == [UInt8](repeating: UInt8(index % 251), count: 512))
        }
        #expect(try await reader.readChunk(info.handle, offset: [0, 0, 0]) == nil)
        #expect(try await reader.read(info.handle, start: [0, 0, 0], count: [1, 1, 3]).array == [7, 7, 7])
    }

    @Test func shapesAtTheEdges() async throws {
        let path = scratch.file("a.h5")
        let writer = try await HDF5Writer(creating: path)
        func make(_ name: String, _ shape: [Int], _ chunk: [Int]) async throws -> DatasetHandle {
            try await writer.createDataset(
                DatasetLayout(
                    path: name, elementType: .uint8, shape: shape, chunkShape: chunk, filter: .none, fillValue: [9]))
        }
        let small = try await make("small", [1, 2], [4, 4])
        try await writer.writeChunk(ByteBuffer((0..<16).map { UInt8($0) }), to: small, offset: [0, 0])
        _ = try await make("empty", [0, 5], [4, 4])
        _ = try await make("deep", .init(repeating: 2, count: 32), .init(repeating: 1, count: 32))
        try await writer.close()

        let reader = try await HDF5Reader(opening: path)
        #expect(
            try await reader.children(of: "/") == [
                Child(name: "deep", isGroup: false), Child(name: "empty", isGroup: false),
                Child(name: "small", isGroup: false),
            ])
        let smallInfo = try #require(try await reader.dataset("small"))
        #expect(smallInfo.chunkShape == [4, 4])
        #expect(try await reader.read(smallInfo.handle, start: [0, 0], count: [1, 2]).array == [0, 1])
        let emptyInfo = try #require(try await reader.dataset("empty"))
        #expect(emptyInfo.shape == [0, 5])
        #expect(try await reader.read(emptyInfo.handle, start: [0, 0], count: [0, 5]).count == 0)
        let deepInfo = try #require(try await reader.dataset("deep"))
        let ones = [Int](repeating: 1, count: 32)
        #expect(try await reader.readChunk(deepInfo.handle, offset: ones) == nil)
        #expect(try await reader.read(deepInfo.handle, start: ones, count: ones).array == [9])
    }

    @Test func sameCallsGiveSameBytes() async throws {
        try await withThrowingTaskGroup { group in
            for index in 0..<6 {
                let path = scratch.file("\(index).h5")
                group.addTask {
                    let writer = try await HDF5Writer(creating: path)
                    try await writeSample(writer)
                    try await writer.close()
                }
            }
            try await group.waitForAll()
        }
        let first = try scratch.bytes("0.h5")
        for index in 1..<6 { #expect(try scratch.bytes("\(index).h5") == first) }

        let now = UInt32(Date().timeIntervalSince1970)
        let times = (0..<first.count - 3).filter { start in
            let number = first[start..<start + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            return now - 86400...now + 86400 ~= number
        }
        #expect(times.isEmpty, "times in the file at \(times)")
    }

    @Test func aLinkIsAnotherNameOfTheSameDataset() async throws {
        func write(_ name: String) async throws -> Data {
            let path = scratch.file(name)
            let writer = try await HDF5Writer(creating: path)
            let dataset = try await writer.createDataset(
                DatasetLayout(
                    path: "a/b", elementType: .uint8, shape: [4], chunkShape: [4], filter: .none, fillValue: [0]))
            try await writer.writeChunk(ByteBuffer([1, 2, 3, 4]), to: dataset, offset: [0])
            #expect(try await writer.link("/c/d/e", to: "/a/b"))
            // Nothing that is there is replaced, and a dataset holds no names.
            #expect(try await !writer.link("c/d", to: "/a/b"))
            #expect(try await !writer.link("/a/b", to: "/c/d/e"))
            #expect(try await !writer.link("/a/b/c", to: "/a/b"))
            await #expect(throws: HDF5Error.self) { try await writer.link("/x", to: "/nothing") }
            try await writer.setAttribute("later", .integer(5), on: "/c/d/e")
            try await writer.close()
            return try Data(contentsOf: URL(fileURLWithPath: path))
        }
        let bytes = try await write("a.h5")
        #expect(try await write("b.h5") == bytes)
        let reader = try await HDF5Reader(opening: scratch.file("a.h5"))
        #expect(try await reader.identity(of: "/c/d/e") == reader.identity(of: "/a/b"))
        #expect(try await reader.identity(of: "/a") != reader.identity(of: "/a/b"))
        #expect(try await reader.identity(of: "/x") == nil)
        let info = try #require(try await reader.dataset("/c/d/e"))
        #expect(try await reader.read(info.handle, start: [0], count: [4]).array == [1, 2, 3, 4])
        #expect(try await reader.attributes(of: "/a/b") == ["later": .integer(5)])
    }
}
