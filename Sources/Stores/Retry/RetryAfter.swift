internal import Foundation

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
