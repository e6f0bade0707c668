import Foundation

/// How time and memory of each stage grow with the work, as an SVG with two panels, both axes logarithmic.
struct GrowthPlot {
    /// What a stage took for one amount of work.
    struct Point: Codable, Sendable {
        let stage: String
        /// Times the least amount.
        let work: Int
        let seconds: Double
        let peakBytes: Int
    }

    let points: [Point]

    private static let colours = ["#1b6ca8", "#c8553d", "#3a7d44", "#8e5ea2", "#b8860b", "#444444"]
    private static let panel = (width: 330.0, height: 260.0, left: 58.0, top: 34.0, gap: 96.0)

    private var stages: [String] {
        points.reduce(into: []) { if !$0.contains($1.stage) { $0.append($1.stage) } }
    }

    var svg: String {
        let panel = Self.panel
        let width = panel.left + 2 * panel.width + panel.gap + 90
        var parts = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(Int(width))\" height=\"350\" font-family=\"sans-serif\" "
                + "font-size=\"12\"><rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
        ]
        parts += drawn("seconds", at: panel.left) { $0.seconds }
        parts += drawn("peak memory, MiB", at: panel.left + panel.width + panel.gap) { Double($0.peakBytes) / 1048576 }
        return parts.joined(separator: "\n") + "\n</svg>\n"
    }

    private func drawn(_ title: String, at left: Double, _ figure: (Point) -> Double) -> [String] {
        let panel = Self.panel
        let values = points.map(figure).filter { $0 > 0 }
        let low = floor(log10(values.min() ?? 1))
        let high = max(low + 1, ceil(log10(values.max() ?? 10)))
        let most = log2(Double(points.map(\.work).max() ?? 2))
        func x(_ work: Int) -> Double { left + log2(Double(work)) / max(most, 1) * panel.width }
        func y(_ value: Double) -> Double {
            panel.top + panel.height * (1 - (log10(max(value, 1e-9)) - low) / (high - low))
        }
        var parts = [text(title, left, panel.top - 14, weight: "bold")]
        for decade in Int(low)...Int(high) {
            let value = pow(10, Double(decade))
            parts.append(line((left, y(value)), (left + panel.width, y(value)), "#dddddd"))
            parts.append(text(Table.short(value), left - 6, y(value) + 4, anchor: "end"))
        }
        for work in Set(points.map(\.work)).sorted() {
            parts.append(line((x(work), panel.top), (x(work), panel.top + panel.height), "#eeeeee"))
            parts.append(text("\(work)×", x(work), panel.top + panel.height + 18, anchor: "middle"))
        }
        var lastLabel = -Double.infinity
        let ends = stages.enumerated().map { number, stage in
            (number, stage, points.filter { $0.stage == stage }.sorted { $0.work < $1.work })
        }.sorted { y(figure($0.2[$0.2.count - 1])) < y(figure($1.2[$1.2.count - 1])) }
        for (number, stage, line) in ends {
            let colour = Self.colours[number % Self.colours.count]
            let path = line.map { "\(Self.rounded(x($0.work))),\(Self.rounded(y(figure($0))))" }.joined(separator: " ")
            parts.append("<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\"/>")
            parts += line.map {
                "<circle cx=\"\(Self.rounded(x($0.work)))\" cy=\"\(Self.rounded(y(figure($0))))\" r=\"3\" fill=\"\(colour)\"/>"
            }
            // Labels keep a line's distance.
            lastLabel = max(y(figure(line[line.count - 1])) + 4, lastLabel + 14)
            parts.append(text(stage, left + panel.width + 8, lastLabel, colour: colour))
        }
        return parts
    }

    private static func rounded(_ value: Double) -> String { String(format: "%.1f", value) }

    private func line(_ a: (Double, Double), _ b: (Double, Double), _ colour: String) -> String {
        "<line x1=\"\(Self.rounded(a.0))\" y1=\"\(Self.rounded(a.1))\" x2=\"\(Self.rounded(b.0))\" "
            + "y2=\"\(Self.rounded(b.1))\" stroke=\"\(colour)\"/>"
    }

    private func text(
        _ text: String, _ x: Double, _ y: Double, anchor: String = "start", weight: String = "normal",
        colour: String = "#222222"
    ) -> String {
        "<text x=\"\(Self.rounded(x))\" y=\"\(Self.rounded(y))\" text-anchor=\"\(anchor)\" font-weight=\"\(weight)\" "
            + "fill=\"\(colour)\">\(text)</text>"
    }
}
