import Foundation
import Geometry
import TestSupport
import Testing

@testable import CropFiles

@Suite struct ToolsOptionTests {
    @Test(arguments: [("8", ZYX(8.0, 8, 8)), ("5.24,4,4", ZYX(5.24, 4, 4)), ("30, 8, 8", ZYX(30, 8, 8))])
    func aVoxelSizeIsOneNumberOrThree(_ text: String, _ size: ZYX<Double>) {
        #expect(VoxelSize(text)?.nanometers == size)
    }

    @Test(arguments: ["", "8,8", "8,8,8,8", "0", "-8", "nan", "inf", "8nm", "8,,8", "1e300"])
    func otherTextsAreNoVoxelSize(_ text: String) {
        #expect(VoxelSize(text) == nil)
    }

    @Test func memoryHasAUnit() {
        #expect(MemoryOption("1GiB") == MemoryOption.standard)
        #expect(MemoryOption("512 MiB")?.bytes == 512 << 20)
        #expect(MemoryOption("512") == nil)
    }

    @Test func aFolderStandsForItsFilesByName() throws {
        let scratch = Scratch()
        let folder = scratch.url
        try FileManager.default.createDirectory(
            at: folder.appending(path: "sub.h5"), withIntermediateDirectories: true)
        for name in ["b.h5", "a.HDF5", "c.hdf", "d.txt", ".e.h5", "h5"] {
            try Data().write(to: folder.appending(path: name))
        }
        let files = try CropFilePaths.files(at: folder.path)
        #expect(files.map(CropFilePaths.name) == ["a.HDF5", "b.h5", "c.hdf"])
        #expect(throws: CropFileError.self) { try CropFilePaths.files(at: folder.appending(path: "sub.h5").path) }
    }

    @Test func linksLeadToTheSameFile() throws {
        let scratch = Scratch()
        let folder = scratch.url
        let (file, other) = (folder.appending(path: "a"), folder.appending(path: "b"))
        try Data().write(to: file)
        try Data().write(to: other)
        let (soft, hard) = (folder.appending(path: "soft"), folder.appending(path: "hard"))
        try FileManager.default.createSymbolicLink(at: soft, withDestinationURL: file)
        try FileManager.default.linkItem(at: file, to: hard)
        let identity = try #require(CropFilePaths.Identity(file.path))
        #expect(CropFilePaths.Identity(soft.path) == identity)
        #expect(CropFilePaths.Identity(hard.path) == identity)
        #expect(CropFilePaths.Identity(other.path) != identity)
        #expect(CropFilePaths.Identity(folder.appending(path: "none").path) == nil)
    }
}
