import Foundation

/// Where a benchmark works: its folder, the programs that take part, how often each is run.
struct Workshop {
    /// Data and results; on a disk.
    let folder: URL
    /// For what is to be kept off the disk.
    let memoryFolder: URL
    /// The program, optimised.
    let program: String
    /// This program.
    let own: String
    let python: String
    /// `peers` beside these sources.
    let scripts: URL
    var runs: Int
    /// What the programs print on the standard error.
    let log: String

    /// Makes data once; returns their folder or file.
    ///
    /// - Parameter arguments: kind and options for `data.py`, without the destination.
    func data(_ name: String, _ kind: String, _ options: [String] = []) throws -> URL {
        let destination = folder.appending(path: "data/\(name)")
        try FileManager.default.createDirectory(
            at: destination.deletingLastPathComponent(), withIntermediateDirectories: true)
        let run = try ChildRun(
            [python, scripts.appending(path: "data.py").path, kind, destination.path] + options, log: log)
        guard run.exitCode == 0 else { throw BenchError("data.py \(kind) ended with \(run.exitCode), see \(log)") }
        return destination
    }

    /// Runs one of the others.
    func peer(_ verb: String, _ arguments: [String]) throws -> Sample {
        let run = try ChildRun([python, scripts.appending(path: "peers.py").path, verb] + arguments, log: log)
        guard run.exitCode == 0, let line = run.output.split(separator: "\n").last,
            let values = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
            let seconds = values["seconds"] as? Double, let cpuSeconds = values["cpu_seconds"] as? Double
        else { throw BenchError("peers.py \(verb) ended with \(run.exitCode), see \(log)") }
        let peak = (values["peak_kib"] as? Double).map { Int($0) << 10 } ?? run.peakBytes
        return Sample(
            seconds: seconds, cpuSeconds: cpuSeconds, peakBytes: peak,
            counts: values.compactMapValues { $0 as? Double })
    }

    /// Runs Cristae as its users do.
    func cristae(_ arguments: [String], pinnedTo processor: Int? = nil) throws -> Sample {
        let pin = processor.map { ["taskset", "-c", "\($0)"] } ?? []
        let run = try ChildRun(pin + [program] + arguments, log: log)
        guard run.exitCode == 0 else {
            throw BenchError("cristae \(arguments.joined(separator: " ")) ended with \(run.exitCode), see \(log)")
        }
        return Sample(run)
    }

    /// Writes the manifest of a job with folders of its own below `place`, which are removed first.
    func job(_ settings: [String: Any], at place: URL) throws -> String {
        try? FileManager.default.removeItem(at: place)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        let file = place.appending(path: "config.json")
        try JSONSerialization.data(withJSONObject: settings, options: [.prettyPrinted, .sortedKeys]).write(to: file)
        return file.path
    }

    /// Runs each in turn, `runs` times, so that what changes on the machine hits all alike. Who fails is named with the reason.
    func contest(_ contestants: [(name: String, run: () throws -> Sample)]) -> [RowResult.Contestant] {
        var results = contestants.map { RowResult.Contestant(name: $0.name) }
        for _ in 0..<runs {
            for (place, contestant) in contestants.enumerated() where results[place].absence == nil {
                do {
                    results[place].samples.append(try contestant.run())
                } catch {
                    results[place].absence = "\(error)"
                }
            }
        }
        return results
    }
}
