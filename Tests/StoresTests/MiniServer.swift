import Foundation

/// A web server on 127.0.0.1 that answers as a test says, and counts.
///
/// `@unchecked Sendable`: everything that changes is only touched with `lock` locked.
final class MiniServer: @unchecked Sendable {
    struct Request: Sendable {
        /// From 1, in the order of arrival.
        let number: Int
        let method: String
        /// Path and query as sent.
        let target: String
        /// Names in lower case.
        let headers: [String: String]
    }

    enum Reply: Sendable {
        case answer(Int, headers: [String: String] = [:], body: String = "")
        /// Announces `length` bytes, sends `body` and closes.
        case short(length: Int, body: String)
        /// Announces `length` bytes, sends `body` and nothing more until the client goes away.
        case stall(length: Int, body: String)
        /// Closes with RST before a byte has been sent.
        case reset
        /// An answer of bytes, of which a range is given where one is asked for.
        case object([UInt8], headers: [String: String])
        /// Announces `length` bytes and sends a hundred of them each few milliseconds.
        case drip(length: Int, milliseconds: Int)
        /// Bytes as they are, then closes.
        case raw(String)
    }

    private let lock = NSLock()
    private let listener: Int32
    private let handler: @Sendable (Request) -> Reply
    private var received: [Request] = []
    private var accepted = 0
    private var departures = 0
    private var busy = 0
    private var peak = 0
    let port: Int

    init(_ handler: @escaping @Sendable (Request) -> Reply) throws {
        self.handler = handler
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 128) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        guard isBound else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    /// Runs a server for the time of `body`.
    static func run<R>(
        _ handler: @escaping @Sendable (Request) -> Reply, body: (MiniServer) async throws -> R
    ) async throws -> R {
        let server = try MiniServer(handler)
        Thread.detachNewThread { server.acceptAll() }
        defer { shutdown(server.listener, Int32(SHUT_RDWR)) }
        return try await body(server)
    }

    var endpoint: String { "http://127.0.0.1:\(port)" }
    var requests: [Request] { lock.withLock { received } }
    var connections: Int { lock.withLock { accepted } }
    /// Clients that went away in the middle of an answer.
    var departed: Int { lock.withLock { departures } }
    /// The most requests that were worked on at the same time.
    var peakRequests: Int { lock.withLock { peak } }

    private func acceptAll() {
        while true {
            let client = accept(listener, nil, nil)
            guard client >= 0 else { break }
            lock.withLock { accepted += 1 }
            Thread.detachNewThread { [self] in
                serve(client)
                close(client)
            }
        }
        close(listener)
    }

    private func serve(_ client: Int32) {
        var input: [UInt8] = []
        while let request = read(client, &input) {
            var reply = handler(request)
            lock.withLock { busy -= 1 }
            // The answer to HEAD announces the body that GET would have.
            let isHead = request.method == "HEAD"
            if isHead, case .answer(let status, let headers, let body) = reply {
                write(head(status, headers, length: body.utf8.count), to: client)
                continue
            }
            switch reply {
            case .raw, .object: break
            default: if isHead { reply = .reset }
            }
            if case .object(let bytes, var headers) = reply {
                var (part, status) = (bytes[...], 200)
                if let range = request.headers["range"]?.dropFirst(6) {
                    let ends = range.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
                    let first = ends.first?.flatMap { $0 } ?? max(0, bytes.count - (ends.last?.flatMap { $0 } ?? 0))
                    let isSuffix = range.first == "-"
                    (part, status) = ([], 416)
                    if first < bytes.count {
                        part = bytes[first...min(isSuffix ? .max : ends.last?.flatMap { $0 } ?? .max, bytes.count - 1)]
                        status = 206
                        headers["Content-Range"] = "bytes \(part.startIndex)-\(part.endIndex - 1)/\(bytes.count)"
                    }
                }
                write(Array(head(status, headers, length: part.count).utf8), to: client)
                if !isHead { write(Array(part), to: client) }
                continue
            }
            guard send(reply, to: client) else { return }
        }
    }

    private func read(_ client: Int32, _ input: inout [UInt8]) -> Request? {
        var chunk = [UInt8](repeating: 0, count: 4096)
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let range = input.firstRange(of: end) {
                let lines = String(decoding: input[..<range.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
                input.removeSubrange(..<range.upperBound)
                let pairs = lines.dropFirst().map { line in
                    let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
                    return (parts[0].lowercased(), parts.last?.trimmingCharacters(in: .whitespaces) ?? "")
                }
                let words = lines[0].split(separator: " ").map(String.init)
                let (method, target) = (words.first ?? "", words.dropFirst().first ?? "")
                return lock.withLock {
                    busy += 1
                    peak = max(peak, busy)
                    let headers = Dictionary(pairs) { first, _ in first }
                    let request = Request(
                        number: received.count + 1, method: method, target: target, headers: headers)
                    received.append(request)
                    return request
                }
            }
            let count = recv(client, &chunk, chunk.count, 0)
            guard count > 0 else { return nil }
            input += chunk[..<count]
        }
    }

    /// - Returns: whether the connection goes on.
    private func send(_ reply: Reply, to client: Int32) -> Bool {
        switch reply {
        case .answer(let status, let headers, let body):
            write(head(status, headers, length: body.utf8.count) + body, to: client)
            return true
        case .short(let length, let body):
            write(head(200, [:], length: length) + body, to: client)
        case .stall(let length, let body):
            write(head(200, [:], length: length) + body, to: client)
            var byte: UInt8 = 0
            if recv(client, &byte, 1, 0) <= 0 { lock.withLock { departures += 1 } }
        case .object: break
        case .drip(let length, let milliseconds):
            write(head(200, [:], length: length), to: client)
            for _ in 0..<(length / 100) {
                guard write(Array(repeating: 120, count: 100), to: client) else {
                    lock.withLock { departures += 1 }
                    return false
                }
                Thread.sleep(forTimeInterval: Double(milliseconds) / 1000)
            }
        case .reset:
            var option = linger(l_onoff: 1, l_linger: 0)
            setsockopt(client, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        case .raw(let text):
            write(text, to: client)
        }
        return false
    }

    private func head(_ status: Int, _ headers: [String: String], length: Int) -> String {
        let lines = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
        return "HTTP/1.1 \(status) Status\r\nContent-Length: \(length)\r\n\(lines)\r\n"
    }

    private func write(_ text: String, to client: Int32) { write(Array(text.utf8), to: client) }

    /// - Returns: whether the client takes it.
    @discardableResult private func write(_ bytes: [UInt8], to client: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Foundation.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
