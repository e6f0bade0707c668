import Elements
import Foundation
import JSONText
import Job
import Manifest
import Report

/// What `cristae status` prints for people.
struct StatusTable {
    private let status: StatusReport

    init(_ status: StatusReport) { self.status = status }

    /// What is said of a job that has no state directory yet.
    static func empty(_ manifest: Manifest) -> JSONValue {
        let none = StatusReport.Counts().json
        return [
            "job": .string(manifest.job), "items": 0, "datasets": none, "running": false,
            "stages": .object(Dictionary(uniqueKeysWithValues: Stage.allCases.map { ($0.rawValue, none) })),
            "failures": [], "bytes": 0, "bytes_per_second": 0, "seconds_left": .null, "workers": [],
        ]
    }

    var text: String {
        let heads = ["done", "running", "failed", "waiting", "left out"]
        var lines = ["stage    " + heads.map { Self.padded($0) }.joined()]
        for (stage, counts) in status.stages {
            let numbers = [counts.done, counts.running, counts.failed, counts.waiting, counts.leftOut].map {
                Self.padded("\($0)")
            }
            lines.append(stage.rawValue.padding(toLength: 9, withPad: " ", startingAt: 0) + numbers.joined())
        }
        let datasets = status.datasets
        var line = "\(status.items) items in \(datasets.all) datasets"
        if datasets.running > 0 { line += " (\(datasets.running) of them being looked at)" }
        if datasets.failed > 0 { line += " (\(datasets.failed) of them not read to the end)" }
        if status.isRunning {
            line +=
                ", \(ProgressDisplay.bytes(status.bytes)), \(ProgressDisplay.bytes(Int(saturating: status.bytesPerSecond)))/s"
            if let seconds = status.secondsLeft { line += ", \(ProgressDisplay.duration(seconds)) left" }
        } else {
            line += ", nobody is at work"
        }
        lines.append(line)
        for worker in status.workers {
            var text = "\(worker.role) on \(worker.host), process \(worker.process): \(worker.state)"
            text += ", last sign of life \(Int(saturating: worker.age)) s ago, \(ProgressDisplay.bytes(worker.bytes))"
            if !worker.claims.isEmpty { text += ", holds \(worker.claims.joined(separator: " "))" }
            if !worker.working.isEmpty { text += ", works on \(worker.working.joined(separator: ", "))" }
            lines.append(text)
        }
        return (lines + status.failures).map(ShownText.line).joined(separator: "\n")
    }

    private static func padded(_ text: String) -> String {
        String(repeating: " ", count: max(0, 9 - text.count)) + text
    }
}
