import Foundation
import HDF5
import Ledger
import TestSupport
import Testing

@testable import Arrays

/// Output files are published whole, or not at all.
@Suite struct OutputFileTests {
    private struct Failure: Error {}

    private let scratch = Scratch()
    private let owner: Owner

    init() throws {
        owner = try Owner(
            role: "job", state: try ConfinedFolder(creating: scratch.file("state")),
            output: try ConfinedFolder(creating: scratch.file("out")))
    }

    private func left() throws -> [String] {
        try owner.output.list(".work/\(owner.identity.id)") + owner.output.list("hdf5")
    }

    @Test func whatIsWrittenWellIsPublished() async throws {
        let output = try await OutputFile.make("hdf5/a.h5", in: owner.output, stop: StopSignal()) { _ in }
        #expect(try left() == ["a.h5"])
        #expect(try owner.output.fileSize("hdf5/a.h5") == output.digest.size)
    }

    @Test func aFailureLeavesNothing() async throws {
        await #expect(throws: Failure.self) {
            _ = try await OutputFile.make("hdf5/a.h5", in: owner.output, stop: StopSignal()) { _ in throw Failure() }
        }
        #expect(try left() == [])
    }

    @Test func aFailureOfTheReaderLeavesNothing() async throws {
        await #expect(throws: Failure.self) {
            _ = try await OutputFile.make(
                "hdf5/a.h5", in: owner.output, stop: StopSignal(), { _ in },
                reading: { _ throws in throw Failure() })
        }
        #expect(try left() == [])
    }

    /// The disk refuses what the library writes last, when it closes the file.
    @Test func aFailingCloseLeavesNothing() async throws {
        await #expect(throws: HDF5Error.self) {
            _ = try await OutputFile.make("hdf5/a.h5", in: owner.output, stop: StopSignal()) { _ in
                try refuseWrites()
            }
        }
        #expect(try left() == [])
    }

    /// From now on the open file below the owner's folder cannot be written.
    private func refuseWrites() throws {
        let part = "\(owner.identity.id)/."
        let own = try #require(
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }.first {
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))?.contains(part)
                    ?? false
            })
        let nothing = open("/dev/null", O_RDONLY)
        dup2(nothing, own)
        close(nothing)
    }
}
