import Foundation
import Glibc

/// A process of its own which was started here, with its output in files, so that no pipe can ever fill up.
///
/// `@unchecked Sendable`: everything is constant but `status`, which only the one task that waits touches.
final class ChildProcess: @unchecked Sendable {
    /// How a process ended, and what it said.
    struct Outcome: Sendable {
        /// The exit status; nil where a signal ended it.
        let exitCode: Int32?
        /// The signal that ended it; nil where it exited.
        let signal: Int32?
        let output: String
        let errors: String
        /// The largest resident size seen, in bytes.
        let peakBytes: Int
        let seconds: Double

        /// One line for a failed expectation: the end of what was said on stderr.
        var summary: String {
            let ending = exitCode.map { "exit \($0)" } ?? "signal \(signal ?? 0)"
            return "\(ending) after \(seconds) s: \(errors.suffix(1500))"
        }
    }

    let pid: pid_t
    let outputFile: URL
    let errorFile: URL
    private let started = Date()
    private var status: Int32?
    private var peakBytes = 0

    /// Starts `executable`; its two output files are `name.stdout` and `name.stderr` in `folder`.
    init(
        _ executable: URL, _ arguments: [String], environment: [String: String] = [:], in folder: URL, name: String
    ) throws {
        outputFile = folder.appending(path: "\(name).stdout")
        errorFile = folder.appending(path: "\(name).stderr")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, outputFile.path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        posix_spawn_file_actions_addopen(&actions, 2, errorFile.path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        // Threads of the runtime block signals, and a child would inherit that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        // A clean environment: neither the credentials nor the batch system of whoever runs the tests.
        var variables = ["HOME": folder.path, "LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin"]
        for name in ["LD_LIBRARY_PATH", "TMPDIR"] {
            variables[name] = ProcessInfo.processInfo.environment[name]
        }
        variables.merge(environment) { $1 }
        var argv = ([executable.path] + arguments).map { strdup($0) } + [nil]
        var envp = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, executable.path, &actions, &attributes, &argv, &envp)
        guard code == 0 else {
            throw HarnessError("\(executable.path) cannot be started: \(String(cString: strerror(code)))")
        }
        self.pid = pid
    }

    deinit {
        guard status == nil else { return }
        Glibc.kill(pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
    }

    /// Sends a signal, unless the process is known to be gone.
    func send(_ signal: Int32) {
        guard status == nil else { return }
        Glibc.kill(pid, signal)
    }

    /// Whether the process is still there; also takes its resident size.
    func isRunning() -> Bool {
        guard status == nil else { return false }
        takeResidentSize()
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return true }
        self.status = status
        return false
    }

    /// Waits for the end; a process which takes longer than `seconds` is killed, and that is an error.
    func wait(atMost seconds: Double) async throws -> Outcome {
        while isRunning() {
            if Date().timeIntervalSince(started) > seconds {
                send(SIGKILL)
                while isRunning() { try await Task.sleep(for: .milliseconds(5)) }
                throw HarnessError("killed after \(seconds) s without an end: \(text(of: errorFile).suffix(1500))")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        let status = self.status ?? 0
        let signal = status & 0x7f
        return Outcome(
            exitCode: signal == 0 ? (status >> 8) & 0xff : nil, signal: signal == 0 ? nil : signal,
            output: text(of: outputFile), errors: text(of: errorFile), peakBytes: peakBytes,
            seconds: Date().timeIntervalSince(started))
    }

    /// What has been written to a file up to now.
    func text(of file: URL) -> String {
        guard let data = try? Data(contentsOf: file) else { return "" }
        return String(decoding: data, as: UTF8.self)
    }

    /// The kernel keeps the largest size itself (VmHWM), so that looking now and then is enough.
    private func takeResidentSize() {
        guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/status") else { return }
        for line in String(decoding: data, as: UTF8.self).split(separator: "\n") where line.hasPrefix("VmHWM:") {
            let kilobytes = line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0
            peakBytes = max(peakBytes, kilobytes << 10)
        }
    }
}
