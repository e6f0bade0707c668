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
        let line = line(event)
        if let display { display.interrupt(with: line) } else { StandardError.line(line) }
    }

    func line(_ event: LogEvent) -> String { isJSON ? json(event) : text(event) }

    private func text(_ event: LogEvent) -> String {
        event.level >= .warning ? "\(event.level.rawValue): \(event.message)" : "\(event.message)"
    }

    private func json(_ event: LogEvent) -> String {
        var object: [String: JSONValue] = [
            "time": .string(Date.now.formatted(.iso8601)), "level": .string(event.level.rawValue),
            "message": .string(event.message.description),
        ]
        for (key, value) in metadata.merging(event.metadata ?? [:], uniquingKeysWith: { $1 }) {
            object[key] = Self.value(value)
        }
        return ShownText.line(JSONValue.object(object).canonicalText)
    }

    /// What was given as a number is one; what was given as text stays text, also where it is made of digits, as names may be.
    private static func value(_ value: Logger.MetadataValue) -> JSONValue {
        switch value {
        case .string(let text): .string(text)
        case .stringConvertible(let value as Int): .integer(value)
        case .stringConvertible(let value as Double): .number(value)
        case .stringConvertible(let value as Bool): .bool(value)
        case .stringConvertible(let value): .string(value.description)
        case .array(let values): .array(values.map(Self.value))
        case .dictionary(let values): .object(values.mapValues(Self.value))
        }
    }
}
