import Elements
import HDF5
import TestSupport
import Testing

/// HDF5 files that other programs wrote.
@Suite struct HDF5ConformanceTests {
    private let scratch = Scratch()

    @Test func readsForeignFile() async throws {
        try ForeignFile.write(to: scratch.file("f.h5"))
        let reader = try await HDF5Reader(opening: scratch.file("f.h5"))
        #expect(
            try await reader.attributes(of: "/") == [
                "fixed": .string("two words"), "big": .integers([1, -2]), "flag": .integer(1),
                "half": .floats([1.5, 2]), "byte": .unsigned(200), "single": .double(0.5),
            ])
        #expect(
            try await reader.children(of: "/") == [
                Child(name: "g", isGroup: true), Child(name: "link", isGroup: false),
                Child(name: "value", isGroup: false), Child(name: "volume", isGroup: false),
            ])
        for path in ["volume", "/volume", "link"] {
            let volume = try #require(try await reader.dataset(path))
            #expect(volume.elementType == .uint16)
            #expect(volume.isBigEndian)
            #expect(volume.shape == [2, 3, 4])
            #expect(volume.chunkShape == nil)
            let box = try await reader.read(volume.handle, start: [1, 2, 1], count: [1, 1, 2])
            #expect(box.array == [21, 0, 22, 0])
            await #expect(throws: HDF5Error.self) { try await reader.readChunk(volume.handle, offset: [0, 0, 0]) }
            await #expect(throws: HDF5Error.self) {
                try await reader.read(volume.handle, start: [1, 2, 1], count: [1, 1, 4])
            }
            await #expect(throws: HDF5Error.self) {
                try await reader.read(volume.handle, start: [.max, 0, 0], count: [.max, 1, 1])
            }
        }
        let value = try #require(try await reader.dataset("value"))
        #expect(value.shape.isEmpty)
        let bytes = try await reader.read(value.handle, start: [], count: [])
        #expect(bytes.withUnsafeBytes { $0.load(as: Double.self) } == 2.5)
        for path in ["nothing", "g", "/", "nowhere", "elsewhere", "volume/x", "elsewhere/x", "g/x/y", "a\0b"] {
            #expect(try await reader.dataset(path) == nil)
        }
        let error = await #expect(throws: HDF5Error.self) { try await reader.dataset("g/compound") }
        #expect(error?.object == "g/compound")
        await #expect(throws: HDF5Error.self) { try await reader.children(of: "volume") }
        await #expect(throws: HDF5Error.self) { try await reader.attributes(of: "nothing") }
        await reader.close()
        await #expect(throws: HDF5Error.self) { try await reader.dataset("volume") }
    }
}
