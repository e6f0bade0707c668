import Foundation

/// What a request asks for.
struct RequestHead {
    let method: String
    /// Without the first slash, decoded.
    let path: String
    let query: [String: String]
    /// Gives the bytes of an object of some length that are wanted; nil for those that it does not have.
    let range: ((Int) -> Range<Int>?)?

    /// nil for what is no request.
    init?(_ bytes: ArraySlice<UInt8>) {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n")
        let words = (lines.first ?? "").split(separator: " ")
        guard words.count == 3, words[1].hasPrefix("/") else { return nil }
        method = String(words[0])
        let target = words[1].dropFirst().split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = target.first.map { String($0).removingPercentEncoding ?? "" } ?? ""
        var query: [String: String] = [:]
        for pair in (target.count > 1 ? target[1] : "").split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1).map {
                $0.replacing("+", with: " ").removingPercentEncoding ?? ""
            }
            query[sides[0]] = sides.count > 1 ? sides[1] : ""
        }
        self.query = query
        let field = lines.dropFirst().first { $0.lowercased().hasPrefix("range:") }
        range = field.flatMap { line in
            let spec = line.split(separator: "=").last?.trimmingCharacters(in: .whitespaces) ?? ""
            let ends = spec.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard ends.count == 2 else { return nil }
            return { count in
                if let first = ends[0] {
                    let stop = min(count, (ends[1] ?? count - 1) + 1)
                    return first < stop ? first..<stop : nil
                }
                return ends[1].map { max(0, count - $0)..<count }
            }
        }
    }
}
