import Foundation

/// The kernels, in memory.
struct ResampleRow: BenchRow {
    static let name = "resize"
    private static let edge = 512

    func results(in workshop: Workshop) throws -> [RowResult] {
        var rows: [RowResult] = []
        for type in ["u1", "u2"] {
            for factor in ["2", "1.527"] { rows.append(try result("raw", type, factor, workshop)) }
        }
        for type in ["u1", "u4", "u8"] {
            for factor in ["2", "1.527"] {
                var row = try result("labels", type, factor, workshop)
                if factor != "2", let whole = rows.last?.samples("cristae") {
                    row.checks.append(
                        RowResult.Check(
                            what: "speed ÷ our own 2×", value: whole.seconds / row.samples("cristae").seconds,
                            target: 0.3,
                            isAtLeast: true))
                }
                rows.append(row)
            }
        }
        return rows
    }

    private func result(_ what: String, _ type: String, _ factor: String, _ workshop: Workshop) throws -> RowResult {
        let file = try workshop.data(
            "\(what)-\(type).npy", "array",
            ["--shape", "\(Self.edge)x\(Self.edge)x\(Self.edge)", "--dtype", type, "--what", what])
        func ours() throws -> Sample {
            let arguments = ["resample", file.path, "--factor", factor] + (what == "labels" ? ["--labels"] : [])
            let run = try ChildRun([workshop.own] + arguments, log: workshop.log)
            guard run.exitCode == 0,
                let values = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Double]
            else { throw BenchError("resample ended with \(run.exitCode), see \(workshop.log)") }
            return Sample(
                seconds: values["seconds"] ?? 0, cpuSeconds: values["cpu_seconds"] ?? 0, peakBytes: run.peakBytes,
                counts: values)
        }
        var libraries = what == "raw" ? ["skimage", "scipy"] : ["scipy"]
        if factor == "2" { libraries += ["tensorstore", "tinybrain"] }
        var row = RowResult(
            row: "resize, \(what), \(type.hasPrefix("u") ? "u\(8 * (Int(type.dropFirst()) ?? 0))" : type), \(factor)×",
            work: "\(Self.edge)³", bytes: Double(Self.edge * Self.edge * Self.edge * (Int(type.dropFirst()) ?? 1)),
            contestants: workshop.contest(
                [("cristae", ours)]
                    + libraries.map { library in
                        (
                            library,
                            {
                                try workshop.peer(
                                    "resize", ["--library", library, "--what", what, "--factor", factor, file.path])
                            }
                        )
                    }))
        row.compare("speed", \.seconds, with: "skimage", atLeast: 40)
        for peer in ["tensorstore", "tinybrain"] { row.compare("speed", \.seconds, with: peer, atLeast: 3) }
        row.limit = "processor"
        return row
    }
}
