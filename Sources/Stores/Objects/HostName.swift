/// `host[:port]` of a URL in the form that goes into the `Host` header: lower case, the scheme's own port left out.
struct HostName: Sendable, Hashable {
    let text: String

    /// - Returns: nil for an empty host, a bad port, a user, or characters that no host name has.
    init?(_ authority: some StringProtocol, scheme: String) {
        let lower = authority.lowercased()
        var host = Substring(lower)
        var port: Substring?
        if host.hasPrefix("[") {
            guard let end = host.firstIndex(of: "]") else { return nil }
            let tail = host[host.index(after: end)...]
            if !tail.isEmpty {
                guard tail.hasPrefix(":") else { return nil }
                port = tail.dropFirst()
            }
            host = host[...end]
            let address = host.dropFirst().dropLast().utf8
            let isAddress = address.allSatisfy {
                ObjectKey.hexadecimal($0) != nil || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
            }
            guard !address.isEmpty, isAddress else { return nil }
        } else {
            if let colon = host.firstIndex(of: ":") {
                port = host[host.index(after: colon)...]
                host = host[..<colon]
            }
            let isName = host.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
                    UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
            guard !host.isEmpty, host.utf8.count <= 255, isName else { return nil }
        }
        if let port {
            guard let number = UInt16(port), number > 0 else { return nil }
            let isDefault = number == (scheme == "https" ? 443 : 80)
            text = isDefault ? String(host) : "\(host):\(number)"
        } else {
            text = String(host)
        }
    }

    /// Host and port, the scheme's own port as well.
    func withPort(scheme: String) -> String {
        let isAddress = text.hasPrefix("[")
        let hasPort = isAddress ? !text.hasSuffix("]") : text.contains(":")
        return hasPort ? text : "\(text):\(scheme == "https" ? 443 : 80)"
    }
}
