import Foundation
import Glibc

/// One run of a program from start to end, and what the operating system says that it cost.
struct ChildRun {
    let output: String
    let exitCode: Int32
    /// Wall time, in seconds.
    let seconds: Double
    /// Processor time of the process and its children, user and system, in seconds.
    let cpuSeconds: Double
    /// Most resident memory of one process, in bytes.
    let peakBytes: Int

    /// Runs a program and waits for its end; what it prints on the standard output is kept, the rest goes to `log`.
    init(_ arguments: [String], environment: [String: String] = [:], log: String) throws {
        let out = FileManager.default.temporaryDirectory.appending(path: "cristae-bench-\(UUID().uuidString)").path
        defer { unlink(out) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        // The threads that run Swift's tasks block signals; a child is not to inherit that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }.map { "\($0)=\($1)" }
        var process: pid_t = 0
        let start = ContinuousClock.now
        let error = Self.withCStrings(arguments) { arguments in
            Self.withCStrings(variables) { variables -> Int32 in
                guard let program = arguments.first.flatMap({ $0 }), let given = arguments.baseAddress,
                    let known = variables.baseAddress
                else { return EINVAL }
                return posix_spawnp(&process, program, &actions, &attributes, given, known)
            }
        }
        guard error == 0 else { throw BenchError("\(arguments[0]) cannot be started: error \(error)") }
        var (status, usage) = (Int32(0), rusage())
        while wait4(process, &status, 0, &usage) < 0 && errno == EINTR {}
        seconds = (ContinuousClock.now - start) / .seconds(1)
        cpuSeconds = Self.seconds(usage.ru_utime) + Self.seconds(usage.ru_stime)
        peakBytes = usage.ru_maxrss << 10
        exitCode = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
        output = (try? String(contentsOfFile: out, encoding: .utf8)) ?? ""
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }

    private static func withCStrings<R>(
        _ strings: [String], _ body: (UnsafeMutableBufferPointer<UnsafeMutablePointer<CChar>?>) -> R
    ) -> R {
        var pointers = strings.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return pointers.withUnsafeMutableBufferPointer { body($0) }
    }
}
