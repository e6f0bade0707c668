import Foundation

/// What the test server wrote down, one entry a request.
struct ServerLog {
    /// One request: time, method, key or listing, status, bytes sent, `complete` or what went wrong, with tabs between.
    struct Entry: CustomStringConvertible {
        /// Seconds since 1970, when the request had been answered.
        let time: Double
        let method: String
        let key: String
        let status: Int
        /// Bytes of the body that were sent.
        let bytes: Int
        let isComplete: Bool

        var description: String { "\(method) \(key): \(status), \(bytes) bytes" }

        /// Whether a chunk was asked for: its key ends in numbers (`…/s0/1/2/3` or `…/s0/1.2.3`).
        var isChunk: Bool {
            // A listing below an array, to see how its chunks are named, is none of a chunk.
            guard !key.hasPrefix("list:"), let last = key.split(separator: "/").last, last.contains(where: \.isNumber)
            else { return false }
            return method == "GET" && last.allSatisfy { $0.isNumber || $0 == "." }
        }

        /// Whether a whole chunk was sent.
        var isWholeChunk: Bool { isChunk && status == 200 && isComplete }
    }

    let entries: [Entry]

    /// Reads a log; its last line may be half written.
    init(reading file: URL) throws {
        let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
        let whole = text[..<(text.lastIndex(of: "\n") ?? text.startIndex)]
        entries = try whole.split(separator: "\n").map { line in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 6, let time = Double(fields[0]), let status = Int(fields[3]),
                let bytes = Int(fields[4])
            else {
                throw HarnessError("not a line of the server's log: \(line)")
            }
            return Entry(
                time: time, method: fields[1], key: fields[2], status: status, bytes: bytes,
                isComplete: fields[5] == "complete")
        }
    }

    init(_ entries: some Sequence<Entry>) { self.entries = Array(entries) }

    /// When each chunk was sent as a whole, in seconds since 1970 and in order.
    var wholeChunks: [String: [Double]] {
        Dictionary(grouping: entries.filter(\.isWholeChunk), by: \.key).mapValues { $0.map(\.time).sorted() }
    }
}
