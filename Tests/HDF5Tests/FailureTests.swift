import Elements
import Foundation
import TestSupport
import Testing

@testable import HDF5

struct FailureTests {
    let scratch = Scratch()

    private func layout(_ path: String = "d", shape: [Int] = [8], chunk: [Int] = [4]) -> DatasetLayout {
        DatasetLayout(
            path: path, elementType: .uint16, shape: shape, chunkShape: chunk, filter: .none, fillValue: [0, 0])
    }

    /// Wherever the disk is full, the writer says so, and closing the file is safe.
    @Test func fullDiskIsReportedAndSurvived() async throws {
        let whole = try await HDF5Writer(creating: scratch.file("whole"))
        try await writeSample(whole)
        try await whole.close()
        let bytes = try scratch.bytes("whole")
        for capacity in Array(stride(from: 0, to: bytes.count, by: 401)) + [bytes.count - 1] {
            let path = scratch.file("\(capacity)")
            let error = await #expect(throws: HDF5Error.self) {
                try await fillDisk(at: path, capacity: UInt64(capacity))
            }
            #expect(error?.errno == ENOSPC)
            #expect(error?.path == path)
        }
        let exact = try await HDF5Writer(creating: scratch.file("exact"), capacity: UInt64(bytes.count))
        try await writeSample(exact)
        try await exact.close()
        #expect(try scratch.bytes("exact") == bytes)
    }

    private func fillDisk(at path: String, capacity: UInt64) async throws {
        let writer = try await HDF5Writer(creating: path, capacity: capacity)
        do {
            try await writeSample(writer)
            try await writer.close()
        } catch {
            await writer.abandon()
            await #expect(throws: HDF5Error.self) { try await writer.close() }
            throw error
        }
    }

    /// A dataset that is mostly not stored may be of any shape; what cannot be computed with is refused where it is opened.
    @Test(arguments: [([Int.max - 1], [1 << 20]), ([0, Int.max - 1], [1, 1 << 20]), ([(1 << 62) / 2 + 1], [4])])
    func shapesBeyondAllVolumesAreRefused(shape: [Int], chunk: [Int]) async throws {
        let path = scratch.file("large")
        let writer = try await HDF5Writer(creating: path)
        let isSmall = shape.allSatisfy { $0 < 1 << 62 }
        _ = try await writer.createDataset(
            DatasetLayout(
                path: "/d", elementType: isSmall ? .uint16 : .uint8, shape: shape, chunkShape: chunk, filter: .none,
                fillValue: isSmall ? [0, 0] : [0]))
        try await writer.close()
        let reader = try await HDF5Reader(opening: path)
        await #expect(throws: HDF5Error.self) { try await reader.dataset("/d") }
        await reader.close()
    }

    @Test func existingFilesAreLeftAlone() async throws {
        try scratch.write([1, 2, 3], to: "a")
        let error = await #expect(throws: HDF5Error.self) { try await HDF5Writer(creating: scratch.file("a")) }
        #expect(error?.errno == EEXIST)
        #expect(error?.description == "cannot create an HDF5 file: \(scratch.file("a")): File exists")
        #expect(try scratch.bytes("a") == [1, 2, 3])
    }

    @Test func writesThroughFolderDescriptors() async throws {
        let folder = open(scratch.path, O_RDONLY | O_DIRECTORY)
        defer { close(folder) }
        let writer = try await HDF5Writer(creating: "/proc/self/fd/\(folder)/a.h5")
        try await writeSample(writer)
        try await writer.close()
        let reader = try await HDF5Reader(opening: scratch.file("a.h5"))
        #expect(try await reader.children(of: "label_crop").map(\.name) == ["er", "mito"])
    }

    @Test func badChunksAreRefused() async throws {
        let writer = try await HDF5Writer(creating: scratch.file("a"))
        let other = try await HDF5Writer(creating: scratch.file("b"))
        let dataset = try await writer.createDataset(layout())
        let stranger = try await other.createDataset(layout())
        for (count, handle, offset) in [
            (8, dataset, [2]), (8, dataset, [8]), (8, dataset, [-4]), (8, dataset, [0, 0]), (8, dataset, []),
            (7, dataset, [0]), (0, dataset, [0]), (8, stranger, [0]),
        ] {
            await #expect(throws: HDF5Error.self) {
                try await writer.writeChunk(ByteBuffer(zeroed: count), to: handle, offset: offset)
            }
        }
        try await writer.writeChunk(ByteBuffer(zeroed: 8), to: dataset, offset: [4])
        try await writer.close()
        await other.abandon()
        let reader = try await HDF5Reader(opening: scratch.file("a"))
        let info = try #require(try await reader.dataset("d"))
        #expect(try await reader.readChunk(info.handle, offset: [0]) == nil)
        #expect(try await reader.readChunk(info.handle, offset: [4])?.bytes.count == 8)
    }

    @Test func badDatasetsAreRefused() async throws {
        let writer = try await HDF5Writer(creating: scratch.file("a"))
        _ = try await writer.createDataset(layout("taken"))
        var blosc = layout()
        blosc.filter = .blosc(typeSize: 2, level: 5, shuffle: 1, compressor: "lzma")
        var fill = layout()
        fill.fillValue = [0]
        for bad in [
            layout(shape: [], chunk: []), layout(shape: [8, 8]), layout(shape: [-1]), layout(chunk: [0]),
            layout(shape: [.max, .max], chunk: [1, 1]), layout(chunk: [1 << 31]), layout(""), layout("/"),
            layout("a\0b"), layout("taken"), layout("taken/below"),
            layout(shape: .init(repeating: 1, count: 33), chunk: .init(repeating: 1, count: 33)), blosc, fill,
        ] {
            let error = await #expect(throws: HDF5Error.self) { _ = try await writer.createDataset(bad) }
            #expect(error?.object == bad.path)
            #expect(error?.errno == nil)
        }
        await #expect(throws: HDF5Error.self) { try await writer.setAttribute("a", .string("a\0b"), on: "/") }
        await #expect(throws: HDF5Error.self) { try await writer.setAttribute("", .integer(1), on: "/") }
        let error = await #expect(throws: HDF5Error.self) {
            try await writer.setAttribute("a", .integer(1), on: "/nothing")
        }
        #expect(error?.message.contains("nothing") == true)
        try await writer.close()
        try await writer.close()
        await #expect(throws: HDF5Error.self) { _ = try await writer.createDataset(layout()) }
    }

    @Test func abandonedWritersSaySo() async throws {
        let writer = try await HDF5Writer(creating: scratch.file("a"))
        try await writeSample(writer)
        await writer.abandon()
        await writer.abandon()
        await #expect(throws: HDF5Error.self) { try await writer.close() }
        await #expect(throws: HDF5Error.self) { try await HDF5Reader(opening: scratch.file("a")) }
    }

    @Test func forgottenFilesAreClosed() async throws {
        try await forgetFiles()
        var open = openFiles()
        // They are closed a little later, on the HDF5 thread.
        for _ in 0..<1000 where !open.isEmpty {
            try await Task.sleep(for: .milliseconds(10))
            open = openFiles()
        }
        #expect(open.isEmpty)
    }

    private func forgetFiles() async throws {
        let complete = try await HDF5Writer(creating: scratch.file("complete"))
        try await writeSample(complete)
        try await complete.close()
        let writer = try await HDF5Writer(creating: scratch.file("torn"))
        try await writeSample(writer)
        let reader = try await HDF5Reader(opening: scratch.file("complete"))
        #expect(try await reader.dataset("raw_crop") != nil)
        #expect(openFiles().count == 2)
    }

    /// The files in the scratch folder that this process has open.
    private func openFiles() -> [String] {
        let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return descriptors.compactMap { descriptor in
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + descriptor)
            return target?.hasPrefix(scratch.path) == true ? target : nil
        }
    }
}
