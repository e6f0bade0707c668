internal import Foundation
internal import Synchronization

/// A date as in `Wed, 21 Oct 2015 07:28:00 GMT` (RFC 9110, section 5.6.7), in seconds since 1970.
enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// The last date parsed. Within a second, a server sends the same text with all its answers.
    private static let last = Mutex<(text: String, seconds: Int?)>(("", nil))

    /// - Returns: nil for any other text.
    static func seconds(_ text: String) -> Int? {
        if let known = last.withLock({ $0.text == text ? $0 : nil }) { return known.seconds }
        let seconds = parsed(text)
        last.withLock { $0 = (text, seconds) }
        return seconds
    }

    private static func parsed(_ text: String) -> Int? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", let day = Int(words[1]),
            let month = months.firstIndex(of: String(words[2])),
            let year = Int(words[3]), (1...31).contains(day), (1970...9999).contains(year)
        else { return nil }
        let clock = words[4].split(separator: ":").compactMap { Int($0) }
        guard clock.count == 3, (0..<24).contains(clock[0]), (0..<60).contains(clock[1]), (0...60).contains(clock[2])
        else { return nil }
        var parts = tm()
        parts.tm_year = Int32(year - 1900)
        parts.tm_mon = Int32(month)
        parts.tm_mday = Int32(day)
        parts.tm_hour = Int32(clock[0])
        parts.tm_min = Int32(clock[1])
        parts.tm_sec = Int32(clock[2])
        return Int(timegm(&parts))
    }
}

/// The `Retry-After` header: seconds, or a date as in `Wed, 21 Oct 2015 07:28:00 GMT` (RFC 9110, section 10.2.3).
enum RetryAfter {
    /// Seconds from now, not negative; nil where the text is neither.
    static func seconds(_ text: String, now: Double = Date().timeIntervalSince1970) -> Double? {
        if !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            return Double(text)
        }
        return HTTPDate.seconds(text).map { max(0, Double($0) - now) }
    }
}
