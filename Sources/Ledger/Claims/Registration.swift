internal import Elements
internal import Glibc
internal import JSONText

/// The folders and the owner file of a process that joins a job.
///
/// A process that is killed while it makes them leaves a folder without a complete owner file. Others cannot tell it from a slow process,
/// and need not: they remove such folders, and a process that was alive starts again.
struct Registration: ~Copyable {
    /// The name of the owner file until it is whole.
    private static let newName = "owner-new"

    let identity: OwnerIdentity
    /// The owner's folder in the state directory.
    let folder: ConfinedFolder
    /// The owner file, open, and locked where that works.
    let file: FileHandle

    /// Makes all of it; nil where another process removed it meanwhile.
    init?(_ new: OwnerIdentity, state: ConfinedFolder, output: ConfinedFolder) throws(LedgerError) {
        var identity = new
        let path = "\(state.path)/\(Owner.file(of: identity.id))"
        try state.makeFolder("work/\(identity.id)")
        guard let folder = try state.folder("work/\(identity.id)"),
            let file = try Self.file(in: folder, path: path)
        else { return nil }
        if FileLock.take(file), let second = try folder.open(Self.newName, flags: O_RDWR),
            FileLock.isHeld(second) == true
        {
            identity.lock = file.place
        }
        let text = try OwnerFile.firstLine(identity) + OwnerFile.secondLine(beat: 0, progress: .null)
        try ByteBuffer(text).withUnsafeBytes { bytes throws(LedgerError) in
            try file.write(bytes, at: 0, path: path)
        }
        try file.sync(path: path)
        // From here on, an unreadable owner file means damage.
        guard try folder.rename(Self.newName, to: "owner") else { return nil }
        // Made last, so that its owner's folder in the state directory always leads to it.
        try output.makeFolder(".work/\(identity.id)")
        guard try state.fileSize(Owner.file(of: identity.id)) != nil else {
            try output.removeFolder(".work/\(identity.id)")
            return nil
        }
        self.identity = identity
        self.folder = folder
        self.file = file
    }

    private static func file(in folder: ConfinedFolder, path: String) throws(LedgerError) -> FileHandle? {
        do throws(LedgerError) {
            return try folder.open(newName, flags: O_RDWR | O_CREAT | O_EXCL)
        } catch {
            if let number = error.errorNumber, ConfinedFolder.isGone(number) { return nil }
            throw error
        }
    }
}
