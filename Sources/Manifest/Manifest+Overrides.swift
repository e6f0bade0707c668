extension Manifest {
    /// What the command line and the environment say instead of the manifest. Paths are seen from the current directory.
    public struct Overrides: Sendable, Equatable {
        /// `--source`: a store URL or a path.
        public var source: String?
        /// `--output`: a folder.
        public var output: String?
        /// `--state`: a folder.
        public var state: String?
        /// `--endpoint`: another S3 server.
        public var endpoint: String?
        /// `--only`: patterns of items.
        public var only: [String]?
        /// `AWS_ENDPOINT_URL`: taken where neither the flag nor the manifest names an endpoint; empty is absent.
        public var environmentEndpoint: String?

        public init(
            source: String? = nil, output: String? = nil, state: String? = nil, endpoint: String? = nil,
            only: [String]? = nil, environmentEndpoint: String? = nil
        ) {
            self.source = source
            self.output = output
            self.state = state
            self.endpoint = endpoint
            self.only = only
            self.environmentEndpoint = environmentEndpoint
        }
    }
}
