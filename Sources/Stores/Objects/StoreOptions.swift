internal import Foundation

/// How a store is reached.
public struct StoreOptions: Sendable {
    /// Another S3 server than AWS, `http(s)://host[:port][/path]`; wins over `AWS_ENDPOINT_URL` in `environment`.
    public var endpoint: String?
    /// Unsigned requests. When false, `AWS_ACCESS_KEY_ID` and its sisters in `environment` hold the credentials.
    public var anonymous: Bool
    /// Connections, and transfers at a time.
    public var connections: Int
    /// Bytes per second over all connections; nil is no limit.
    public var bandwidth: Int?
    /// Attempts for one object or one page of a listing.
    public var maxAttempts: Int
    /// Seconds to wait for a store that does not answer at all.
    public var outageSeconds: Double
    /// Whether the store has ever answered. One that never has is waited for a minute at most.
    public var hasAnswered: Bool
    /// Takes log lines about temporary faults.
    public var tell: @Sendable (String) -> Void
    /// Timeout for connecting, in seconds.
    public var connectSeconds: Int
    /// A transfer below 1 KiB/s for this many seconds is given up.
    public var stallSeconds: Int
    /// Memory for the names of one folder, in bytes.
    public var listingBytes = ListingPage.maximumBytes
    /// Environment variables; the process's own unless given.
    public var environment: [String: String]

    public init(
        endpoint: String? = nil, anonymous: Bool = true, connections: Int = 64, bandwidth: Int? = nil,
        maxAttempts: Int = 10, outageSeconds: Double = 600, hasAnswered: Bool = false, connectSeconds: Int = 15,
        stallSeconds: Int = 30, environment: [String: String]? = nil,
        tell: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.outageSeconds = outageSeconds
        self.hasAnswered = hasAnswered
        self.tell = tell
        self.endpoint = endpoint
        self.anonymous = anonymous
        self.connections = connections
        self.bandwidth = bandwidth
        self.maxAttempts = maxAttempts
        self.connectSeconds = connectSeconds
        self.stallSeconds = stallSeconds
        self.environment = environment ?? ProcessInfo.processInfo.environment
    }

    /// The S3 server asked for, if it is not AWS itself.
    var effectiveEndpoint: String? {
        let candidates = [endpoint, environment["AWS_ENDPOINT_URL_S3"], environment["AWS_ENDPOINT_URL"]]
        return candidates.compactMap { $0 }.first { !$0.isEmpty }
    }

    /// A file of trusted certificates instead of the system's, as the usual variables name it.
    var certificateFile: String? {
        let candidates = ["AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"].compactMap { environment[$0] }
        return candidates.first { !$0.isEmpty }
    }
}
