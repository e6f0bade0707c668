internal import Elements
internal import Foundation
internal import Glibc
internal import Synchronization

/// A file that is written under a temporary name beside its place, and takes its name only when it is whole:
/// flushed, fsynced, renamed, its folder fsynced.
public final class TemporaryFile: Sendable {
    private static let suffix = ".cristae-tmp"

    /// A path that other libraries can open. It goes through the folder's descriptor, so a link planted on the way is of no use.
    public let path: String
    private let place: ConfinedFolder.Place
    private let temporaryName: String
    /// The place it will have, for messages.
    private let finalPath: String

    /// Reserves a temporary name for `relative` in `root`; with `creating` the empty file is made too, else the library that
    /// writes it does that.
    public init(for relative: String, in root: ConfinedFolder, creating: Bool) throws(LedgerError) {
        finalPath = "\(root.path)/\(relative)"
        guard let opened = try root.place(of: relative, creating: true) else {
            throw LedgerError(.cannotWrite, path: finalPath, "the folder could not be made")
        }
        // Unique over hosts that share the directory: nothing but O_EXCL is trusted.
        temporaryName = ".\(opened.name.prefix(180)).\(UUID().uuidString.prefix(8))\(Self.suffix)"
        path = "/proc/self/fd/\(opened.folder.number)/\(temporaryName)"
        place = opened
        if creating {
            let number = openat(
                place.folder.number, temporaryName, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0o666)
            guard number >= 0 else { throw LedgerError.system(.cannotWrite, path: finalPath, "making a file") }
            close(number)
        }
    }

    static func isTemporary(_ name: String) -> Bool { name.hasPrefix(".") && name.hasSuffix(suffix) }

    private func open(_ flags: Int32) throws(LedgerError) -> FileHandle {
        let number = openat(place.folder.number, temporaryName, flags | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else { throw LedgerError.system(.cannotRead, path: finalPath, "opening what was written") }
        return FileHandle(number)
    }

    /// Writes the whole content.
    func write(_ bytes: ByteBuffer) throws(LedgerError) {
        let file = try open(O_WRONLY)
        try bytes.withUnsafeBytes { pointer throws(LedgerError) in
            try file.write(pointer, at: 0, path: finalPath)
        }
    }

    /// SHA-256 and size in bytes of what has been written so far.
    public func digest() throws(LedgerError) -> FileDigest {
        let file = try open(O_RDONLY)
        return try FileDigest(of: file, path: finalPath)
    }

    /// Makes the content durable and gives the file its name.
    public func publish() throws(LedgerError) {
        let file = try open(O_RDONLY)
        try file.sync(path: finalPath)
        guard renameat(place.folder.number, temporaryName, place.folder.number, place.name) == 0 else {
            throw LedgerError.system(.cannotWrite, path: finalPath, "renaming")
        }
        try place.folder.sync(path: finalPath)
    }

    /// Removes the temporary file, where it still is.
    public func discard() { unlinkat(place.folder.number, temporaryName, 0) }
}

/// A published file that other libraries can open by ``path`` while this value lives: the path goes through the folder's descriptor.
public final class PublishedFile: Sendable {
    public let path: String
    private let place: ConfinedFolder.Place

    init(_ place: consuming ConfinedFolder.Place) {
        path = "/proc/self/fd/\(place.folder.number)/\(place.name)"
        self.place = place
    }
}

extension ConfinedFolder {
    /// - Throws: `.cannotRead` where there is no such regular file.
    public func pathForReading(_ relative: String) throws(LedgerError) -> PublishedFile {
        guard try fileSize(relative) != nil, let place = try place(of: relative, creating: false) else {
            throw LedgerError(.cannotRead, path: "\(path)/\(relative)", "there is no such file")
        }
        return PublishedFile(place)
    }
}
