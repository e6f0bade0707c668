/// What an AWS S3 host name says: `bucket.s3.region.amazonaws.com`, `s3-region.amazonaws.com`, `s3.amazonaws.com`, …
struct AWSHost: Sendable, Hashable {
    /// nil for path-style hosts.
    let bucket: String?
    /// nil for the global host.
    let region: String?

    /// - Returns: nil for every other host, also for S3's website and accelerate hosts.
    init?(_ host: some StringProtocol) {
        let host = host.lowercased()
        guard let domain = [".amazonaws.com", ".amazonaws.com.cn"].first(where: { host.hasSuffix($0) }) else {
            return nil
        }
        let labels = host.dropLast(domain.count).split(separator: ".", omittingEmptySubsequences: false)
        guard let service = labels.lastIndex(where: { $0 == "s3" || $0.hasPrefix("s3-") }) else { return nil }
        var tail = labels[(service + 1)...]
        if labels[service] == "s3" {
            if tail.first == "dualstack" { tail = tail.dropFirst() }
            guard tail.count <= 1, tail.first?.isEmpty != true else { return nil }
            region = tail.first.map(String.init)
        } else {
            let name = labels[service].dropFirst(3)
            guard tail.isEmpty, name.contains("-"), !name.hasPrefix("website"), !name.hasPrefix("fips") else {
                return nil
            }
            region = name == "external-1" ? "us-east-1" : String(name)
        }
        let bucket = labels[..<service].joined(separator: ".")
        self.bucket = service == 0 ? nil : bucket
        if service > 0, bucket.isEmpty { return nil }
    }
}
