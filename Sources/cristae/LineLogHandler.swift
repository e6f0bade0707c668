import Elements
import Foundation
import JSONText
import Logging

/// Log lines on stderr: a JSON object each, or text where a person reads them.
struct LineLogHandler: LogHandler {
    let isJSON: Bool
    /// Wipes the live display before a line, and draws it again after; nil without one.
    let display: ProgressDisplay?
    var logLevel: Logger.Level = .info
    var metadata: Logger.Metadata = [:]

    init(isJSON: Bool, display: ProgressDisplay?) {
        self.isJSON = isJSON
        self.display = display
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let line = isJSON ? json(event) : text(event)
        if let display { display.interrupt(with: line) } else { StandardError.line(line) }
    }

    private func text(_ event: LogEvent) -> String {
        event.level >= .warning ? "\(event.level.rawValue): \(event.message)" : "\(event.message)"
    }

    private func json(_ event: LogEvent) -> String {
        var object: [String: JSONValue] = [
            "time": .string(Date.now.formatted(.iso8601)), "level": .string(event.level.rawValue),
            "message": .string(event.message.description),
        ]
        for (key, value) in metadata.merging(event.metadata ?? [:], uniquingKeysWith: { $1 }) {
            object[key] = Self.value(value.description)
        }
        return ShownText.line(JSONValue.object(object).canonicalText)
    }

    /// Numbers as numbers.
    private static func value(_ text: String) -> JSONValue {
        Int(text).map { .integer($0) } ?? .string(text)
    }
}
