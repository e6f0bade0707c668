internal import Elements
internal import Glibc
public import JSONText
internal import Synchronization

/// This process as a worker on a job: its folders, its sign of life, and its right to publish.
///
/// It has a folder `work/<id>` in the state directory and `.work/<id>` in the output directory. Everything it writes is written
/// there and renamed into place; its claims are hard links to the owner file in the first. To take its work over, another
/// process renames the first folder into its own, which only one can do, then empties and removes both, and only then takes the claims
/// away (``Claims``). From that moment on this process can neither publish, nor claim, nor release: each of these is one system
/// call that needs a folder which is gone. No clock and no lock is asked.
///
/// All functions block.
public final class Owner: Sendable {
    public let identity: OwnerIdentity
    /// The state directory, to be written as this owner.
    public let state: ConfinedFolder
    /// The output directory, to be written as this owner.
    public let output: ConfinedFolder
    /// The owner's folder in the state directory, kept open: once it has been removed, everything that goes through it fails.
    let folder: ConfinedFolder
    let claims: ConfinedFolder
    private let file: FileHandle
    private let identityBytes: Int
    private let beats = Mutex(0)

    /// Where in a directory the folder of an owner is: hidden in the output, in sight in the state directory.
    static func folder(of id: String, in directory: ConfinedFolder) -> String {
        "\(directory.workFolder)/\(id)"
    }

    static func file(of id: String) -> String { "work/\(id)/owner" }

    /// Makes the two folders and shows the first sign of life.
    ///
    /// - Parameter role: ``OwnerIdentity/wholeJob``, or the task, e.g. `task 3/16`.
    public init(role: String, state: ConfinedFolder, output: ConfinedFolder) throws(LedgerError) {
        var identity = OwnerIdentity.current(role: role)
        let name = Self.file(of: identity.id)
        self.state = try state.owned(by: identity.id, workFolder: "work")
        self.output = try output.owned(by: identity.id, workFolder: ".work")
        try state.makeFolder("work/\(identity.id)")
        try state.makeFolder("claims")
        guard let folder = try state.folder("work/\(identity.id)"), let claims = try state.folder("claims") else {
            throw LedgerError(.cannotWrite, path: "\(state.path)/work/\(identity.id)", "the folder has vanished")
        }
        self.folder = folder
        self.claims = claims
        guard let file = try state.open(name, flags: O_RDWR | O_CREAT | O_EXCL) else {
            throw LedgerError(.cannotWrite, path: "\(state.path)/\(name)", "the owner file could not be made")
        }
        if FileLock.take(file), let second = try state.open(name, flags: O_RDWR), FileLock.isHeld(second) == true {
            identity.lock = file.place
        }
        let first = try OwnerFile.firstLine(identity)
        self.identity = identity
        self.file = file
        identityBytes = first.count
        let text = first + OwnerFile.secondLine(beat: 0, progress: .null)
        try ByteBuffer(text).withUnsafeBytes { bytes throws(LedgerError) in
            try self.file.write(bytes, at: 0, path: name)
        }
        try self.file.sync(path: name)
        // Last, so that whoever finds the owner dead finds this folder, too.
        try output.makeFolder(".work/\(identity.id)")
    }

    /// Shows that this process is alive, and how far it is.
    ///
    /// - Throws: `.locked` where another process has taken over the work.
    public func beat(_ progress: JSONValue) throws(LedgerError) {
        let count = beats.withLock { beats in
            beats += 1
            return beats
        }
        let text = OwnerFile.secondLine(beat: count, progress: progress)
        let path = "\(state.path)/\(Self.file(of: identity.id))"
        try ByteBuffer(text).withUnsafeBytes { bytes throws(LedgerError) in
            try file.write(bytes, at: identityBytes, path: path)
        }
        try file.sync(path: path)
        try check()
    }

    /// - Throws: `.locked` where another process has taken over the work.
    public func check() throws(LedgerError) {
        guard try state.fileSize(Self.file(of: identity.id)) != nil else {
            throw LedgerError(
                .locked, path: "\(state.path)/\(Self.file(of: identity.id))",
                "another process has taken over the work of \(identity.description)")
        }
    }

    /// The file system's time of the last beat, in seconds.
    var lastBeat: Double { file.modified }

    /// Seconds between the last sign of life of another owner and this one's, by the clock of the file system.
    public func age(of other: OwnerFile) -> Double { lastBeat - other.modified }

    /// Gives everything up. Claims that are still held are void from now on, and removed.
    public func end() {
        // In this order: what publishes first, what holds the claims last.
        _ = try? output.removeFolder(Self.folder(of: identity.id, in: output))
        _ = try? output.removeEmptyFolder(output.workFolder)
        _ = try? state.removeFolder(Self.folder(of: identity.id, in: state))
        _ = try? state.removeEmptyFolder(state.workFolder)
    }
}
