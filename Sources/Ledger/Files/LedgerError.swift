internal import Glibc

/// A failure to read or write the output or state directory.
public struct LedgerError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable, Hashable {
        /// The file system refused: no space, no permission, read-only, I/O error.
        case cannotWrite
        case cannotRead
        /// A path would leave the directory: `..`, an absolute part, a symbolic link.
        case unsafePath
        /// A file of ours does not hold what it should.
        case corrupt
        /// Another process works here.
        case locked
    }

    public let code: Code
    /// The file, with the directory it lies in.
    public let path: String
    /// One line: what was tried, expected and found.
    public let message: String
    /// The system's error number, where there was one.
    public let errorNumber: Int32?

    public init(_ code: Code, path: String, _ message: String, errorNumber: Int32? = nil) {
        self.code = code
        self.path = path
        self.message = message
        self.errorNumber = errorNumber
    }

    /// The error of the system call that has just failed.
    static func system(_ code: Code, path: String, _ operation: String) -> LedgerError {
        let number = errno
        let isLink = number == ELOOP || (number == ENOTDIR && code == .cannotWrite)
        return LedgerError(
            isLink ? .unsafePath : code, path: path,
            "\(operation) failed: \(isLink ? "a symbolic link or a file stands where a directory belongs" : reason(number))",
            errorNumber: number)
    }

    private static func reason(_ number: Int32) -> String {
        String(cString: strerror(number)) + " (errno \(number))"
    }

    public var description: String { "\(path): \(message)" }
}
