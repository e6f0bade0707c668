internal import Codecs
internal import Geometry
internal import HDF5
internal import Ledger
internal import Resampling
internal import Stores
internal import Volumes

/// Why an item, or a dataset, could not be finished: one line for the log and for `state/`.
public struct Failure: Error, Sendable, Hashable, Codable, CustomStringConvertible {
    /// The item, e.g. `crop_124`, or nil where the whole dataset failed.
    public var item: String?
    public var dataset: String
    /// Where it happened.
    public var stage: Stage
    /// What happened, to which URL or file, after how many tries.
    public var reason: String

    public init(item: String?, dataset: String, stage: Stage, reason: String) {
        self.item = item
        self.dataset = dataset
        self.stage = stage
        self.reason = reason
    }

    public var description: String { "\(item ?? dataset): \(stage.rawValue): \(reason)" }
}

/// An error that is not one item's: the whole job has to end.
public enum JobError: Error, Sendable, CustomStringConvertible {
    /// The output or state directory cannot be written; exit 74.
    case cannotWrite(String)
    /// Another process works on the job; exit 75.
    case locked(String)
    /// Stopped by SIGTERM, SIGINT or SIGUSR1; exit 75.
    case stopped
    /// The store has not answered for too long; exit 75.
    case unreachable(String)
    /// The manifest asks for something this version cannot do, or that cannot be had; exit 78.
    case badManifest(String)

    public var description: String {
        switch self {
        case .cannotWrite(let reason), .locked(let reason), .badManifest(let reason): reason
        case .unreachable(let reason): "\(reason); the same command goes on where it was"
        case .stopped: "stopped; the same command goes on where it was"
        }
    }

    /// What the process ends with (numbers of `sysexits.h`).
    public var exitCode: Int32 {
        switch self {
        case .cannotWrite: 74
        case .locked, .stopped, .unreachable: 75
        case .badManifest: 78
        }
    }

    /// The job-wide meaning of an error, where it has one: a full or read-only disk ends the job, a bad chunk does not.
    ///
    /// - Parameter stop: a cancellation means "stopped" only where the job has been asked to stop.
    public init?(_ error: any Error, _ stop: StopSignal) {
        switch error {
        case _ where Cancellation.is(error):
            guard stop.isStopped else { return nil }
            self = .stopped
        case let error as JobError: self = error
        case let error as StoreError where error.code == .unreachable: self = .unreachable(error.description)
        case let error as LedgerError where error.code == .cannotWrite || error.code == .unsafePath:
            self = .cannotWrite(error.description)
        case let error as LedgerError where error.code == .locked: self = .locked(error.description)
        case let error as HDF5Error where error.isOutOfSpace: self = .cannotWrite(error.description)
        default: return nil
        }
    }
}

/// Errors that mean that work was cancelled from outside.
public enum Cancellation {
    public static func `is`(_ error: any Error) -> Bool {
        if case JobError.stopped = error { return true }
        return error is CancellationError || (error as? StoreError)?.code == .cancelled
    }

    /// Whether the work was cancelled because an enclosing task has failed. Then the error of that task counts.
    public static func isFromOutside(_ error: any Error) -> Bool { Task.isCancelled && Self.is(error) }

    /// The reason of an item's failure. A cancellation that nobody has asked for is a fault of the program, and the text says so.
    public static func reason(_ error: any Error) -> String {
        Self.is(error)
            ? "given up, although nobody has asked the job to stop (\(error)); run the same command again" : "\(error)"
    }
}

extension HDF5Error {
    /// ENOSPC, EROFS, EDQUOT, EIO, EACCES: the disk, not the data.
    fileprivate var isOutOfSpace: Bool {
        guard let errno else { return false }
        return [28, 30, 122, 5, 13].contains(errno)
    }
}
