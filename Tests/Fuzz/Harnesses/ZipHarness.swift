import Codecs
import Elements
import Foundation
import Ledger

/// A pack as a killed or foreign process has left it. The first byte of an input says whether the CRCs of its entries are made right, the
/// second how many bytes of the input are the journal; the others are the ZIP file.
struct ZipHarness: Harness {
    let name = "zip"

    private static let pack = "a.zip"
    /// Every input is written to a file: run.sh gives a folder in memory.
    private static let folder: ConfinedFolder = {
        let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/dev/shm"
        guard let folder = try? ConfinedFolder(creating: "\(parent)/cristae-fuzz-\(getpid())") else {
            fatalError("no folder in \(parent)")
        }
        return folder
    }()
    private var folder: ConfinedFolder { Self.folder }

    func run(_ input: UnsafeRawBufferPointer) {
        guard input.count >= 2 else { return }
        let journal = Array(input[2...].prefix(Int(input[1])))
        var file = Array(input[(2 + journal.count)...])
        if input[0] & 1 == 1 { ZipHeaders.setChecksums(of: &file) }
        try? folder.removeTree(Self.pack + ".parts")
        write(file, to: Self.pack)
        write(journal, to: Self.pack + ".absent")
        guard let pack = try? Holdings(in: folder).pack(Self.pack) else { return }
        let names = ZipHeaders.names(in: file)
        let contents = names.compactMap { name in (try? pack.read(name)).flatMap(\.self).map { (name, $0.array) } }
        for name in names {
            let content = contents.first { $0.0 == name }?.1
            let isRight = (try? pack.check(name)) != nil
            require(isRight == (content != nil), "\(name.debugDescription) is read, or right, but not both")
            guard let size = pack.summary(name)?.size else { continue }
            require(size <= file.count, "an entry of \(size) bytes")
            let part = (try? pack.read(name, range: size / 3..<size)).flatMap(\.self)?.array
            require(content == nil || part == content?.suffix(size - size / 3).map(\.self), "another part of \(name)")
        }
        // It can be appended to, and everything is there again afterwards.
        let added = "added/0", bytes = ByteBuffer([1, 2, 3])
        guard (try? pack.append(added, bytes)) != nil, (try? pack.noteAbsent("absent/0")) != nil,
            (try? pack.close()) != nil
        else { fatalError("\(name): the pack cannot be appended to") }
        guard let again = try? Holdings(in: folder).pack(Self.pack) else {
            fatalError("\(name): it does not open again")
        }
        require(again.isAbsent("absent/0"), "the note of an absent key is lost")
        if !names.contains(added) { require((try? again.read(added))?.array == [1, 2, 3], "the new entry is lost") }
        for (name, content) in contents {
            require((try? again.read(name))?.array == content, "the entry \(name.debugDescription) is lost")
        }
    }

    private func write(_ bytes: [UInt8], to name: String) {
        guard (try? Data(bytes).write(to: URL(fileURLWithPath: "\(folder.path)/\(name)"))) != nil else {
            fatalError("\(self.name): cannot write to \(folder.path)")
        }
    }

    // MARK: Seeds

    func seeds(_ fixtures: Fixtures) -> [[UInt8]] {
        var seeds: [[UInt8]] = []
        for count in 0..<4 {
            for isClosed in [true, false] {
                guard let (file, journal) = try? written(count, isClosed: isClosed) else { continue }
                seeds.append([0, 0] + file)
                seeds.append([1, UInt8(journal.count)] + journal + file)
                if isClosed { seeds.append([1, 0] + ZipHeaders.widened(file)) }
            }
        }
        return seeds
    }

    private func written(_ count: Int, isClosed: Bool) throws -> (file: [UInt8], journal: [UInt8]) {
        try Holdings(in: folder).removePack(Self.pack)
        let pack = try Holdings(in: folder).pack(Self.pack)
        for number in 0..<count {
            try pack.append("s0/\(number)", ByteBuffer([UInt8](repeating: UInt8(number), count: 10 * number)))
            try pack.noteAbsent("s1/\(number)")
        }
        if isClosed { try pack.close() }
        let names = try isClosed ? [] : folder.list(Self.pack + ".parts").map { "\(Self.pack).parts/\($0)" }
        func bytes(_ type: String, _ closed: String) throws -> [UInt8] {
            try folder.read(names.first { $0.hasSuffix(type) } ?? closed) ?? []
        }
        return (try bytes(".zip", Self.pack), try bytes(".absent", Self.pack + ".absent"))
    }
}
