/// A failure of an HDF5 operation.
public struct HDF5Error: Error, Sendable, CustomStringConvertible {
    /// What was tried, such as "write a chunk".
    public let operation: String
    /// The file.
    public let path: String
    /// The dataset, group or attribute inside the file, if one was meant.
    public let object: String?
    /// The reason in one line.
    public let message: String
    /// The system's error number, where the reason was a system call.
    public let errno: Int32?

    public init(operation: String, path: String, object: String? = nil, message: String, errno: Int32? = nil) {
        self.operation = operation
        self.path = path
        self.object = object
        self.message = message
        self.errno = errno
    }

    public var description: String {
        let place = object.map { "\(path) (\($0))" } ?? path
        return "cannot \(operation): \(place): \(message)"
    }

    /// The same failure, with the path under which the user knows the file.
    public func renamed(_ path: String) -> HDF5Error {
        HDF5Error(operation: operation, path: path, object: object, message: message, errno: errno)
    }
}
