import ArgumentParser
import Arrays
import Conversion
import JSONText
import Job
import Logging
import Manifest
import Planning
import Report
import Scheduling
import TestSupport
import Testing

@testable import cristae

/// What people and machines are told.
@Suite struct ReportTests {
    private static func line(
        isJSON: Bool, _ level: Logger.Level, _ message: Logger.Message, _ metadata: Logger.Metadata? = nil,
        always: Logger.Metadata = [:]
    ) -> String {
        var handler = LineLogHandler(isJSON: isJSON, display: nil)
        handler.metadata = always
        return handler.line(
            LogEvent(
                level: level, message: message, metadata: metadata, source: nil, file: "", function: "", line: 0))
    }

    @Test func aLineIsAnObject() throws {
        let line = Self.line(
            isJSON: true, .warning, "a \"b\"\nc",
            [
                "count": .stringConvertible(3), "share": .stringConvertible(0.5), "all": .stringConvertible(true),
                "name": "17", "list": ["1", .stringConvertible(2)], "more": ["x": "y"],
            ], always: ["job": "j", "name": "hidden"])
        #expect(!line.contains("\n"))
        var object = try #require(try JSONValue(parsing: line.utf8).object)
        #expect(object.removeValue(forKey: "time")?.string?.hasSuffix("Z") == true)
        // Numbers are numbers; a name of digits stays a text.
        #expect(
            JSONValue.object(object) == [
                "level": "warning", "message": "a \"b\"\nc", "count": 3, "share": 0.5, "all": true, "name": "17",
                "list": ["1", 2], "more": ["x": "y"], "job": "j",
            ])
    }

    /// Characters that would turn the line around are written out, and the JSON stays the same text.
    @Test func hostileNamesDoNotReachTheTerminal() throws {
        let line = Self.line(isJSON: true, .info, "a\u{202E}b\u{1B}[2J")
        #expect(line.utf8.allSatisfy { (0x20..<0x7F).contains($0) })
        #expect(try JSONValue(parsing: line.utf8)["message"] == "a\u{202E}b\u{1B}[2J")
    }

    @Test func peopleAreToldOfTheLevelWhereItMatters() {
        #expect(Self.line(isJSON: false, .info, "all is well") == "all is well")
        #expect(Self.line(isJSON: false, .warning, "no") == "warning: no")
        #expect(Self.line(isJSON: false, .error, "no") == "error: no")
    }

    @Test(arguments: [
        (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (1 << 40, "1.0 TiB"),
        (1 << 52, "4096.0 TiB"),
    ])
    func bytesHaveUnits(count: Int, text: String) { #expect(ProgressDisplay.bytes(count) == text) }

    @Test(arguments: [
        (0.0, "0 s"), (89.9, "89 s"), (90, "1 min"), (5399, "89 min"), (5400, "1 h 30 min"),
        (.infinity, "2777 h 46 min"), (.nan, "0 s"),
    ])
    func durationsHaveUnits(seconds: Double, text: String) { #expect(ProgressDisplay.duration(seconds) == text) }

    /// A job that nobody has begun looks as one does of which nothing is done.
    @Test func aJobWithoutStateLooksLikeOne() async throws {
        let scratch = Scratch()
        try scratch.write(Array(#"{"source": "sample:", "datasets": ["*"]}"#.utf8), to: "config.json")
        let manifest = try ManifestOptions.parse([scratch.file("config.json")]).load()
        let context = try JobContext(
            manifest: manifest, stop: StopSignal(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let report = try await StatusReport(context)
        #expect(StatusTable.empty(manifest) == report.json)
        #expect(
            StatusTable(report).text == """
                stage         done  running   failed  waiting left out
                discover         0        0        0        0        0
                download         0        0        0        0        0
                convert          0        0        0        0        0
                stat             0        0        0        0        0
                resize           0        0        0        0        0
                0 items in 0 datasets, nobody is at work
                """)
    }
}
