extension Manifest {
    /// What a run may use.
    public struct Limits: Sendable, Hashable {
        /// Requests at a time, 1 to 1024.
        public var connections: Int
        /// Bytes of memory for data in flight, at least 128 MiB.
        public var memory: Int
        /// Bytes per second taken from the network; nil is no limit.
        public var bandwidth: Int?
        /// Tries of a request, 1 to 100.
        public var maxAttempts: Int
        /// Seconds for which it is borne that the store does not answer at all, up to a day.
        public var outageSeconds: Double
        /// Seconds after which a claim that is not renewed may be taken over, at least 5.
        public var claimSeconds: Int

        public init(
            connections: Int = 64, memory: Int = 1 << 30, bandwidth: Int? = nil, maxAttempts: Int = 10,
            outageSeconds: Double = 600, claimSeconds: Int = 300
        ) {
            self.outageSeconds = outageSeconds
            self.connections = connections
            self.memory = memory
            self.bandwidth = bandwidth
            self.maxAttempts = maxAttempts
            self.claimSeconds = claimSeconds
        }
    }
}
