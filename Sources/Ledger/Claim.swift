internal import Elements
internal import Foundation
internal import Glibc
internal import JSONText

/// The right of one process to work on something, as a file `claims/<name>` in the state directory.
///
/// It is taken with `O_EXCL` and kept alive by touching it. One whose owner is known to be dead (same machine, same process
/// namespace, no such process), or that nobody has touched for `claimSeconds`, may be taken over. Only `O_EXCL` and rename are
/// trusted, never flock, so it works on NFS and Lustre. All functions block.
public final class Claim: Sendable {
    private let state: ConfinedFolder
    private let path: String
    private let owner: Owner

    /// Who holds a claim.
    struct Owner: Codable, Hashable {
        var id: String
        var host: String
        var process: Int32
        /// Clock ticks after boot at which the process started: a process number may be used again.
        var started: String
        /// Machine start and process namespace: process numbers mean something only within both.
        var scope: String

        static func current() -> Owner {
            let own = getpid()
            return Owner(
                id: UUID().uuidString, host: ProcessInfo.processInfo.hostName, process: own,
                started: startTime(of: own) ?? "", scope: scope())
        }

        /// Whether the process is certainly gone.
        var isDead: Bool {
            guard scope == Self.scope(), !scope.isEmpty else { return false }
            return Self.startTime(of: process) != started
        }

        /// Field 22 of `/proc/<pid>/stat`; nil where there is no such process, or it is a zombie.
        private static func startTime(of process: Int32) -> String? {
            guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
                let fields = text.split(separator: ")").last?.split(separator: " "), fields.count > 19
            else { return nil }
            return fields[0] == "Z" ? nil : String(fields[19])
        }

        private static func scope() -> String {
            let boot = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? ""
            let space = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) ?? ""
            return boot.trimmingCharacters(in: .whitespacesAndNewlines) + " " + space
        }
    }

    private init(state: ConfinedFolder, path: String, owner: Owner) {
        self.state = state
        self.path = path
        self.owner = owner
    }

    /// Takes the claim `name`.
    ///
    /// - Throws: ``LedgerError`` `.locked` with the owner's host and process where somebody alive holds it.
    public static func take(
        _ name: String, in state: ConfinedFolder, claimSeconds: Double
    ) throws(LedgerError) -> Claim {
        let path = "claims/\(name)"
        let owner = Owner.current()
        guard let text = try? JSONValue(encoding: owner).canonicalText else {
            throw LedgerError(.cannotWrite, path: path, "the claim could not be written")
        }
        for _ in 0..<5 {
            if try create(path, text, in: state) { return Claim(state: state, path: path, owner: owner) }
            guard let holder = try state.read(path) else { continue }
            let held = (try? JSONValue(parsing: holder))?.decoded(Owner.self)
            let age = try age(of: path, in: state) ?? 0
            guard held?.isDead ?? (age > 5) || age > claimSeconds else {
                let who = held.map { "process \($0.process) on \($0.host)" } ?? "another process"
                throw LedgerError(
                    .locked, path: "\(state.path)/\(path)",
                    "\(who) works here (it was seen \(Int(age)) s ago; it counts as gone after \(Int(claimSeconds)) s)")
            }
            try retire(path, expecting: holder, in: state)
        }
        throw LedgerError(.locked, path: "\(state.path)/\(path)", "several processes want to work here")
    }

    /// Says that the owner is alive.
    ///
    /// - Throws: `.locked` where somebody else has taken over: nothing may be published any more.
    public func renew() throws(LedgerError) {
        try check()
        guard let file = try state.open(path, flags: O_RDWR), futimens(file.number, nil) == 0 else {
            throw LedgerError.system(.cannotWrite, path: "\(state.path)/\(path)", "renewing the claim")
        }
    }

    /// Checks that the claim is still this process's.
    public func check() throws(LedgerError) {
        let found = try state.read(path).flatMap { try? JSONValue(parsing: $0) }?.decoded(Owner.self)
        guard found?.id == owner.id else {
            throw LedgerError(.locked, path: "\(state.path)/\(path)", "another process has taken over the work")
        }
    }

    /// Gives the claim up, where it is still ours.
    public func release() {
        if (try? check()) != nil { _ = try? state.remove(path) }
    }

    /// Whether somebody alive holds the claim `name`.
    public static func isHeld(_ name: String, in state: ConfinedFolder, claimSeconds: Double) throws(LedgerError)
        -> Bool
    {
        let path = "claims/\(name)"
        guard let holder = try state.read(path) else { return false }
        let isDead = (try? JSONValue(parsing: holder))?.decoded(Owner.self)?.isDead ?? false
        let age = try age(of: path, in: state) ?? .infinity
        return !isDead && age <= claimSeconds
    }

    private static func create(_ path: String, _ text: String, in state: ConfinedFolder) throws(LedgerError) -> Bool {
        let opened: FileHandle?
        do throws(LedgerError) {
            opened = try state.open(path, flags: O_WRONLY | O_CREAT | O_EXCL)
        } catch {
            if error.errorNumber == EEXIST { return false }
            throw error
        }
        guard let opened else { return false }
        try ByteBuffer(Array(text.utf8)).withUnsafeBytes { bytes throws(LedgerError) in
            try opened.write(bytes, at: 0, path: path)
        }
        try opened.sync(path: path)
        return true
    }

    /// Seconds since the claim was last touched, by the clock of the file system it lies on.
    private static func age(of path: String, in state: ConfinedFolder) throws(LedgerError) -> Double? {
        let probe = "claims/.now-\(UUID().uuidString.prefix(8))"
        defer { _ = try? state.remove(probe) }
        guard let now = try state.open(probe, flags: O_WRONLY | O_CREAT | O_EXCL),
            let claim = try state.open(path, flags: O_RDONLY)
        else { return nil }
        return now.modified - claim.modified
    }

    /// Moves a dead owner's claim away; should it have been somebody's fresh one instead, it is put back.
    private static func retire(_ path: String, expecting holder: [UInt8], in state: ConfinedFolder) throws(LedgerError)
    {
        let aside = "\(path).gone-\(UUID().uuidString.prefix(8))"
        guard try state.rename(path, to: aside) else { return }
        if try state.read(aside) == holder {
            try state.remove(aside)
        } else {
            _ = try state.rename(aside, to: path)
        }
    }
}

extension JSONValue {
    /// This value as a Codable type; nil where it does not fit.
    func decoded<T: Decodable>(_ type: T.Type) -> T? { try? decode(type) }
}

extension FileHandle {
    /// The time of the last change, in seconds.
    var modified: Double {
        var status = stat()
        guard fstat(number, &status) == 0 else { return 0 }
        return Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) * 1e-9
    }
}

extension ConfinedFolder {
    /// Renames within one folder of this tree; false where there was nothing to rename.
    func rename(_ from: String, to: String) throws(LedgerError) -> Bool {
        guard let source = try place(of: from, creating: false), let target = try place(of: to, creating: true) else {
            return false
        }
        if renameat(source.folder.number, source.name, target.folder.number, target.name) == 0 { return true }
        guard errno == ENOENT else { throw LedgerError.system(.cannotWrite, path: "\(path)/\(from)", "renaming") }
        return false
    }
}
