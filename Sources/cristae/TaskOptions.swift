import ArgumentParser
import Foundation
import Job
import Scheduling

/// What of a job a process does, and for how long.
struct TaskOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "One of several tasks that share the job, e.g. 3/16; otherwise as the Slurm array or the Kubernetes Indexed Job says.",
            valueName: "i/n"),
        transform: share(_:))
    var task: TaskShare?

    @Option(
        help: "Only this stage: discover, download, convert, stat or resize; may be given several times.",
        transform: stage(_:))
    var stage: [Stage] = []

    @Option(
        help:
            "Stop in good order (exit 75) after this time, e.g. 3600, 90m, 1h30m; otherwise before the Slurm job ends.",
        transform: budget(_:))
    var timeBudget: TimeBudget?

    @Option(
        help:
            "A directory of this node for packs, instead of the state directory; what was fetched is lost with the node."
    )
    var scratch: String?

    @Flag(
        help:
            "Ask the store again what it holds: what has changed, and what follows from it, is made anew; what is new is taken in."
    )
    var refresh = false

    @Flag(
        help:
            "Read all outputs again; what is not what its record says is made anew, and nothing else."
    )
    var verify = false

    @Flag(help: "Take the output folder over where it belongs to another job.")
    var adoptOutput = false

    private var environment: [String: String] { ProcessInfo.processInfo.environment }

    /// The share of this process; nil for the whole job.
    var share: TaskShare? { task ?? TaskShare(environment: environment) }

    var stages: Set<Stage> { stage.isEmpty ? Set(Stage.allCases) : Set(stage) }

    var budget: TimeBudget? {
        timeBudget ?? TimeBudget(environment: environment, now: Date().timeIntervalSince1970)
    }

    var options: Runner.Options {
        Runner.Options(share: share, stages: stages, refresh: refresh, verify: verify, adoptsOutput: adoptOutput)
    }
}

private func share(_ text: String) throws -> TaskShare {
    guard let share = TaskShare(parsing: text) else {
        throw ValidationError("\(text.debugDescription) is no task: i/n is expected, e.g. 3/16")
    }
    return share
}

private func stage(_ text: String) throws -> Stage {
    guard let stage = Stage(rawValue: text) else {
        let names = Stage.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("\(text.debugDescription) is no stage: one of \(names) is expected")
    }
    return stage
}

private func budget(_ text: String) throws -> TimeBudget {
    guard let budget = TimeBudget(parsing: text) else {
        throw ValidationError("\(text.debugDescription) is no time: 3600, 90m or 1h30m is expected")
    }
    return budget
}
