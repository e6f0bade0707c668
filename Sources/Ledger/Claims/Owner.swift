internal import Elements
internal import Glibc
public import JSONText
internal import Synchronization

/// This process as a worker on a job: its folders, its sign of life, and its right to publish.
///
/// It has a folder `work/<id>` in the state directory and `.work/<id>` in the output directory. It writes everything there and renames it
/// into place. Its claims are hard links to the owner file in the first folder. Another process takes over by renaming the first folder
/// into its own, which only one process can do. It then empties and removes both folders, and only then removes the claims (``Claims``).
/// From then on this process can neither publish, nor claim, nor release, because each of these is one system call that needs a removed
/// folder. This needs no clock and no lock. A process that ends does the same to itself, in the same order.
///
/// All functions block.
public final class Owner: Sendable {
    public let identity: OwnerIdentity
    /// The state directory, to be written as this owner.
    public let state: ConfinedFolder
    /// The output directory, to be written as this owner.
    public let output: ConfinedFolder
    /// The owner's folder in the state directory. It is kept open, so that every access fails once it has been removed.
    let folder: ConfinedFolder
    let claims: ConfinedFolder
    private let file: Mutex<FileHandle?>
    private let beats = Mutex(0)

    static func file(of id: String) -> String { "work/\(id)/owner" }

    /// Makes the two folders and shows the first sign of life.
    ///
    /// - Parameter role: ``OwnerIdentity/wholeJob``, or the task, e.g. `task 3/16`.
    public init(role: String, state: ConfinedFolder, output: ConfinedFolder) throws(LedgerError) {
        try state.makeFolder("claims")
        guard let claims = try state.folder("claims") else {
            throw LedgerError(.cannotWrite, path: "\(state.path)/claims", "the folder has vanished")
        }
        for _ in 0..<100 {
            guard let made = try Registration(OwnerIdentity.current(role: role), state: state, output: output) else {
                continue
            }
            identity = made.identity
            self.state = try state.owned(by: made.identity.id, workFolder: "work")
            self.output = try output.owned(by: made.identity.id, workFolder: ".work")
            self.claims = claims
            folder = made.folder
            file = Mutex(made.file)
            return
        }
        throw LedgerError(.cannotWrite, path: "\(state.path)/work", "folders that are made there vanish at once")
    }

    /// Shows that this process is alive, and how far it is.
    ///
    /// - Throws: `.locked` where another process has taken over the work.
    public func beat(_ progress: JSONValue) throws(LedgerError) {
        let count = beats.withLock { beats in
            beats += 1
            return beats
        }
        // Writes the whole text, which repairs a damaged first line.
        let text = try OwnerFile.firstLine(identity) + OwnerFile.secondLine(beat: count, progress: progress)
        let path = "\(state.path)/\(Self.file(of: identity.id))"
        do throws(LedgerError) {
            try file.withLock { file throws(LedgerError) in
                guard file != nil else { return }
                try ByteBuffer(text).withUnsafeBytes { bytes throws(LedgerError) in
                    try file?.write(bytes, at: 0, path: path)
                }
                try file?.sync(path: path)
            }
        } catch {
            // Writing also fails with ESTALE when another machine has removed the file. So the take-over is checked first.
            try check()
            throw error
        }
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
    var lastBeat: Double { file.withLock { $0?.modified ?? 0 } }

    /// Seconds between the last sign of life of another owner and this one's, by the clock of the file system.
    public func age(of other: OwnerFile) -> Double { lastBeat - other.modified }

    /// Gives up the right to publish, to claim and to release. Claims that are still held become void (``Claims/end()``).
    public func end() {
        // A file that is open cannot be removed over NFS.
        file.withLock { $0 = nil }
        // The output folder goes first, because publishing needs it; the folder that holds the claims goes last.
        _ = try? output.removeFolder(output.folder(ofOwner: identity.id))
        _ = try? output.removeEmptyFolder(output.workFolder)
        _ = try? state.removeFolder(state.folder(ofOwner: identity.id))
        _ = try? state.removeEmptyFolder(state.workFolder)
    }
}
