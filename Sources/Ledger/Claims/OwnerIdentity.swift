internal import Foundation
internal import Glibc

/// Who a process is that works on a job, as it stands in its owner file and in every claim it holds.
public struct OwnerIdentity: Sendable, Hashable, Codable {
    /// Unique over all hosts and times.
    public let id: String
    public let host: String
    public let process: Int32
    /// `job`, or the task, e.g. `task 3/16`.
    public let role: String
    /// Seconds since 1970 by the owner's own clock, for people to read; nothing is decided by it.
    public let since: Double
    /// When the process started, in clock ticks since the machine's start. It tells processes with a reused number apart.
    let started: String
    /// Identifies the start of the machine. Two processes with the same one share a kernel.
    let boot: String
    /// Process namespace: process numbers mean something only within one.
    let namespace: String
    /// Device and inode of the owner file as the owner sees it, if its lock was checked to work; else empty.
    var lock: String

    /// Whether the id can be the name of a folder. It comes from a file, which may hold anything.
    var hasSafeID: Bool {
        (1...64).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// Whether this is a run of the whole job, and not one of its tasks.
    public var isWholeJob: Bool { role == Self.wholeJob }
    public static let wholeJob = "job"

    /// For messages: `process 4711 on node3 (task 3/16)`.
    public var description: String { "process \(process) on \(host)\(isWholeJob ? "" : " (\(role))")" }

    static func current(role: String) -> OwnerIdentity {
        let own = getpid()
        return OwnerIdentity(
            id: UUID().uuidString.lowercased(), host: ProcessInfo.processInfo.hostName, process: own, role: role,
            since: Date().timeIntervalSince1970.rounded(), started: startTime(of: own) ?? "", boot: bootID(),
            namespace: processNamespace(), lock: "")
    }

    /// Whether the process is certainly gone: same kernel, same process namespace, no such process.
    var hasNoProcess: Bool {
        guard !boot.isEmpty, !namespace.isEmpty, boot == Self.bootID(), namespace == Self.processNamespace() else {
            return false
        }
        if kill(process, 0) != 0 && errno == ESRCH { return true }
        // An unreadable entry is no proof, because some machines hide other users' processes.
        guard let found = Self.startTime(of: process) else { return false }
        return found != started
    }

    /// Whether the owner runs, or ran, on this very kernel.
    var isOnThisKernel: Bool { !boot.isEmpty && boot == Self.bootID() }

    /// Field 22 of `/proc/<pid>/stat`, and `Z` for a zombie; nil where it cannot be read.
    private static func startTime(of process: Int32) -> String? {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let fields = text.split(separator: ")").last?.split(separator: " "), fields.count > 19
        else { return nil }
        return fields[0] == "Z" ? "Z" : String(fields[19])
    }

    private static func bootID() -> String {
        let text = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? ""
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func processNamespace() -> String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) ?? ""
    }
}
