import Foundation
import Glibc
import Synchronization

/// A web server over a folder, and an S3 server at the same time: GET and HEAD of objects, ranges, listings. It is read only, knows no
/// passwords, has a thread for each connection, and sends files from the page cache straight to the socket, so that it is not what a
/// benchmark measures.
final class ObjectServer: Sendable {
    private let index: ObjectIndex
    /// Microseconds before each answer.
    private let latency: UInt32
    private let requests = Atomic<Int>(0)
    private let listener: Int32
    let port: Int

    init(folder: URL, latencyMilliseconds: Int) throws {
        index = try ObjectIndex(folder: folder)
        latency = UInt32(latencyMilliseconds) * 1000
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, size) == 0 && listen(listener, 1024) == 0
                    && getsockname(listener, address, &size) == 0
            }
        }
        guard listener >= 0, isBound else { throw BenchError("no port to listen at: error \(errno)") }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    /// Serves until the process ends.
    func run() throws -> Never {
        signal(SIGPIPE, SIG_IGN)
        while true {
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else { throw BenchError("accept: error \(errno)") }
            var on: Int32 = 1
            setsockopt(connection, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
            let thread = Thread { [self] in
                serve(connection)
                close(connection)
            }
            thread.stackSize = 512 << 10
            thread.start()
        }
    }

    private func serve(_ connection: Int32) {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        let end = Array("\r\n\r\n".utf8)
        while true {
            while let head = received.firstRange(of: end) {
                guard let request = RequestHead(received[..<head.lowerBound]) else { return }
                received.removeSubrange(..<head.upperBound)
                requests.add(1, ordering: .relaxed)
                if latency > 0, !request.path.hasPrefix("-/") { usleep(latency) }
                guard answer(request, on: connection) else { return }
            }
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            received += buffer[..<count]
        }
    }

    /// - Returns: false when the connection is gone.
    private func answer(_ request: RequestHead, on connection: Int32) -> Bool {
        let parts = request.path.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        if request.path == "-/requests" {
            let count = requests.exchange(0, ordering: .relaxed)
            return send("200 OK", body: "\(count)", on: connection)
        }
        guard parts.count == 2, !parts[1].isEmpty else {
            let listing = Listing(index: index, bucket: String(parts.first ?? ""), query: request.query)
            return send("200 OK", body: listing.xml(), on: connection)
        }
        guard let object = index.object(request.path) else {
            return send("404 Not Found", body: "<Error><Code>NoSuchKey</Code></Error>", on: connection)
        }
        var range = 0..<object.byteCount
        var status = "200 OK"
        var head = ""
        if let wanted = request.range {
            guard let part = wanted(object.byteCount) else {
                return send("416 Range Not Satisfiable", body: "", on: connection)
            }
            range = part
            status = "206 Partial Content"
            head = "Content-Range: bytes \(part.lowerBound)-\(part.upperBound - 1)/\(object.byteCount)\r\n"
        }
        head =
            "HTTP/1.1 \(status)\r\nContent-Length: \(range.count)\r\nETag: \"\(object.etag)\"\r\nAccept-Ranges: bytes\r\n"
            + "Content-Type: binary/octet-stream\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
            + "Date: Tue, 02 Jan 2024 00:00:00 GMT\r\n\(head)\r\n"
        if request.method == "HEAD" { return send(Array(head.utf8), on: connection) }
        let file = open("\(index.folder)/\(object.path)", O_RDONLY)
        guard file >= 0 else { return false }
        defer { close(file) }
        guard send(Array(head.utf8), flags: Int32(MSG_MORE), on: connection) else { return false }
        var offset = off_t(range.lowerBound)
        while offset < range.upperBound {
            guard sendfile(connection, file, &offset, range.upperBound - Int(offset)) > 0 else { return false }
        }
        return true
    }

    private func send(_ status: String, body: String, on connection: Int32) -> Bool {
        let text =
            "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\nContent-Type: application/xml\r\n"
            + "Date: Tue, 02 Jan 2024 00:00:00 GMT\r\n\r\n\(body)"
        return send(Array(text.utf8), on: connection)
    }

    private func send(_ bytes: [UInt8], flags: Int32 = 0, on connection: Int32) -> Bool {
        var done = 0
        while done < bytes.count {
            let sent = bytes[done...].withUnsafeBytes { Glibc.send(connection, $0.baseAddress, $0.count, flags) }
            guard sent > 0 else { return false }
            done += sent
        }
        return true
    }
}
