import ArgumentParser
import Foundation
import Pipeline

/// Ends a verb with the exit code that belongs to an error, after one line on stderr.
enum Ending {
    /// Runs `body`; what it throws becomes one line and an exit code.
    static func of(_ body: () async throws -> Int32) async throws {
        let code: Int32
        do {
            code = try await body()
        } catch let error as ManifestError {
            StandardError.line("cristae: \(error)")
            code = error.exitCode
        } catch let error as JobError {
            StandardError.line("cristae: \(error)")
            code = error.exitCode
        } catch let error as ExitCode {
            throw error
        } catch let error as ValidationError {
            throw error
        } catch {
            StandardError.line("cristae: \(error)")
            code = 1
        }
        if code != 0 { throw ExitCode(code) }
    }
}

/// The one way to stderr: whole lines, from any thread.
enum StandardError {
    static func line(_ text: String) { write(text.replacing("\n", with: " ") + "\n") }

    static func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { return }
            bytes = bytes.dropFirst(max(count, 0))
        }
    }
}
