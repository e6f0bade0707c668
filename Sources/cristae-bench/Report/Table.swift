import Foundation

/// The results as a Markdown table: a line for each contestant, and what has to hold below it.
struct Table {
    let rows: [RowResult]

    var markdown: String {
        var lines = [
            "| what | who | median s | MB/s | CPU s per GB | peak MiB | ratio | at least | |",
            "| --- | --- | ---: | ---: | ---: | ---: | --- | --- | --- |",
        ]
        for row in rows {
            for (place, contestant) in row.contestants.enumerated() {
                let name = place == 0 ? "**\(row.row)**: \(row.work)" : ""
                guard contestant.absence == nil else {
                    lines.append(
                        "| \(name) | \(contestant.name) | has not run: \(contestant.absence ?? "") | | | | | | |")
                    continue
                }
                let samples = contestant.samples
                let speed = row.bytes.map { Self.number($0 / 1e6 / samples.seconds) } ?? ""
                let cost = row.bytes.map { Self.number(samples.cpuSeconds / ($0 / 1e9)) } ?? ""
                lines.append(
                    "| \(name) | \(contestant.name) | \(Self.number(samples.seconds)) | \(speed) | \(cost) | "
                        + "\(samples.peakBytes >> 20) | | | |")
            }
            for check in row.checks {
                let target = "\(check.isAtLeast ? "≥" : "≤") \(Self.number(check.target))"
                lines.append(
                    "| | \(check.what) | | | | | \(Self.number(check.value)) | \(target) | \(check.holds ? "" : "**falls short**") |"
                )
            }
            if !row.limit.isEmpty { lines.append("| | limit: \(row.limit) | | | | | | | |") }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    var holds: Bool { rows.allSatisfy { row in row.checks.allSatisfy(\.holds) } }

    /// Without zeros behind the point.
    static func short(_ value: Double) -> String {
        value >= 1 ? String(format: "%.0f", value) : String(format: "%g", value)
    }

    /// Three figures.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        if value >= 100 { return String(format: "%.0f", value) }
        return String(format: value >= 10 ? "%.1f" : value >= 1 ? "%.2f" : "%.3f", value)
    }
}
