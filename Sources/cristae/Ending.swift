import ArgumentParser
import Arrays
import Elements
import Foundation
import Manifest
import Summaries

/// Ends a verb with the exit code that belongs to an error, after one line on stderr.
enum Ending {
    /// Runs `body`; what it throws becomes one line and an exit code.
    static func of(_ body: () async throws -> Int32) async throws {
        let code: Int32
        do {
            code = try await body()
        } catch let error as ExitCode {
            throw error
        } catch let error as ValidationError {
            throw error
        } catch {
            StandardError.line("cristae: \(error)")
            code = exitCode(of: error)
        }
        if code != 0 { throw ExitCode(code) }
    }

    static func exitCode(of error: any Error) -> Int32 {
        switch error {
        case let error as ManifestError: error.exitCode
        case let error as JobError: error.exitCode
        case is ProvenanceError: 78
        default: 1
        }
    }
}

/// The one way to stdout: a device that is full is an error (exit 74), and not half a document.
enum StandardOutput {
    /// Writes a text and a line break.
    static func line(_ text: String) throws { try write(text + "\n") }

    static func write(_ text: String) throws {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Foundation.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw JobError.cannotWrite("stdout: \(String(cString: strerror(errno))) (errno \(errno))")
            }
            bytes = bytes.dropFirst(count)
        }
    }
}

/// The one way to stderr: whole lines, from any thread.
enum StandardError {
    static func line(_ text: String) { write(ShownText.line(text) + "\n") }

    static func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { return }
            bytes = bytes.dropFirst(max(count, 0))
        }
    }
}
