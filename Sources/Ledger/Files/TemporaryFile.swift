internal import Elements
internal import Foundation
internal import Glibc
internal import Synchronization

/// A file that is written under a temporary name and gets its final name when it is complete: it is fsynced and renamed, then its folder is
/// fsynced.
///
/// With an owner, the file is written in the owner's own folder. A take-over empties and removes that folder first. So an owner that wakes
/// up too late has nothing to rename, and cannot publish.
public final class TemporaryFile: Sendable {
    private static let suffix = ".cristae-tmp"

    /// A path that other libraries can open. It goes through the folder's descriptor, so that a planted link has no effect.
    public let path: String
    /// Where it lies until it is published.
    let place: ConfinedFolder.Place
    let target: ConfinedFolder.Place
    let temporaryName: String
    private let hasOwner: Bool
    /// The place it will have, for messages.
    let finalPath: String

    /// Reserves a temporary name for `relative` in `root`. With `creating` it also makes the empty file; else the library that writes it does.
    public init(for relative: String, in root: ConfinedFolder, creating: Bool) throws(LedgerError) {
        finalPath = "\(root.path)/\(relative)"
        guard let opened = try root.place(of: relative, creating: true) else {
            throw LedgerError(.cannotWrite, path: finalPath, "the folder could not be made")
        }
        // Unique over all hosts that share the directory, because only O_EXCL is trusted.
        temporaryName = ".\(opened.name.bytePrefix(180)).\(UUID().uuidString.prefix(8))\(Self.suffix)"
        let near =
            if let owner = root.owner {
                try root.place(of: "\(root.folder(ofOwner: owner))/-", creating: false)
            } else {
                try root.place(of: relative, creating: false)
            }
        guard let near else { throw Self.takenOver(finalPath) }
        path = "/proc/self/fd/\(near.folder.number)/\(temporaryName)"
        hasOwner = root.owner != nil
        place = near
        target = opened
        try checkTarget()
        if creating {
            let number = openat(
                place.folder.number, temporaryName, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0o666)
            if number < 0 && hasOwner && ConfinedFolder.isGone(errno) { throw Self.takenOver(finalPath) }
            guard number >= 0 else { throw LedgerError.system(.cannotWrite, path: finalPath, "making a file") }
            close(number)
        }
    }

    private static func takenOver(_ path: String) -> LedgerError {
        LedgerError(.locked, path: path, "another process has taken over the work; nothing is published")
    }

    static func isTemporary(_ name: String) -> Bool { name.hasBytePrefix(".") && name.hasByteSuffix(suffix) }

    private func open(_ flags: Int32) throws(LedgerError) -> FileHandle {
        let number = openat(place.folder.number, temporaryName, flags | O_NOFOLLOW | O_CLOEXEC)
        if number < 0 && hasOwner && ConfinedFolder.isGone(errno) { throw Self.takenOver(finalPath) }
        guard number >= 0 else { throw LedgerError.system(.cannotRead, path: finalPath, "opening what was written") }
        return FileHandle(number)
    }

    /// Writes the whole content, or some of it.
    func write(_ bytes: ByteBuffer, at offset: Int = 0) throws(LedgerError) {
        let file = try open(O_WRONLY)
        try bytes.withUnsafeBytes { pointer throws(LedgerError) in
            try file.write(pointer, at: offset, path: finalPath)
        }
    }

    /// SHA-256 and size in bytes of what has been written so far.
    public func digest() throws(LedgerError) -> FileDigest {
        let file = try open(O_RDONLY)
        return try FileDigest(of: file, path: finalPath)
    }

    /// Makes what has been written so far durable.
    public func flush() throws(LedgerError) {
        let file = try open(O_RDONLY)
        try file.sync(path: finalPath)
    }

    /// Does not replace a device, a FIFO, a socket or a folder, nor a link to one.
    private func checkTarget() throws(LedgerError) {
        var status = stat()
        guard fstatat(target.folder.number, target.name, &status, 0) == 0, status.st_mode & S_IFMT != S_IFREG else {
            return
        }
        throw LedgerError(.cannotWrite, path: finalPath, "it is \(RegularFile.kind(status)), not a regular file")
    }

    /// Makes the content durable and gives the file its name.
    public func publish() throws(LedgerError) {
        try flush()
        try checkTarget()
        guard renameat(place.folder.number, temporaryName, target.folder.number, target.name) == 0 else {
            if hasOwner && ConfinedFolder.isGone(errno) { throw Self.takenOver(finalPath) }
            throw LedgerError.system(.cannotWrite, path: finalPath, "renaming")
        }
        try target.folder.sync(path: finalPath)
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
