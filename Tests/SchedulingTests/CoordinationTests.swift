import Foundation
import JSONText
import Ledger
import Logging
import Synchronization
import TestSupport
import Testing

@testable import Arrays
@testable import Job
@testable import Manifest
@testable import Planning
@testable import Scheduling

/// How often each item was worked on, and that it was never by two at once.
private final class Tally: Sendable {
    private struct State: Sendable {
        var counts: [Int]
        var busy: Set<Int> = []
    }

    private let state: Mutex<State>

    init(count: Int) { state = Mutex(State(counts: [Int](repeating: 0, count: count))) }

    var counts: [Int] { state.withLock { $0.counts } }

    /// Whether it is the first time.
    func begin(_ number: Int) -> Bool {
        let (isAlone, isFirst) = state.withLock { state in
            state.counts[number] += 1
            return (state.busy.insert(number).inserted, state.counts[number] == 1)
        }
        #expect(isAlone, "item \(number) is worked on by two")
        return isFirst
    }

    func end(_ number: Int) { state.withLock { _ = $0.busy.remove(number) } }
}

/// Very many tasks over very many items, without any data: what it costs to agree on who does what.
@Suite struct CoordinationTests {
    /// Tasks and items; `CRISTAE_TASKS=1000x100000` for the large run.
    private static let size: (tasks: Int, items: Int) = {
        let parts = (ProcessInfo.processInfo.environment["CRISTAE_TASKS"] ?? "").split(separator: "x").compactMap {
            Int($0)
        }
        return parts.count == 2 ? (parts[0], parts[1]) : (30, 1500)
    }()

    /// Whether this was asked for, and runs alone.
    private var isLarge: Bool { ProcessInfo.processInfo.environment["CRISTAE_TASKS"] != nil }

    private func items(_ count: Int) -> [ItemEntry] {
        var random = SplitMix(seed: 1)
        return (0..<count).map { number in
            ItemEntry(
                name: "crop_\(number)", dataset: "jrc_\(number % 60)", alignment: "recon-1",
                digest: PlanDigest(UInt64(number)), chunks: 40,
                bytes: Int.random(in: 1...1_000_000_000, using: &random), offset: 0, length: 0, summary: 0..<0)
        }
    }

    /// Each item is worked on once, by a claim, and coordination is cheap: under 10 file operations an item.
    ///
    /// The processor time is that of the whole process, so it means something only where no other test runs beside this one.
    @Test func manyTasksOverManyItems() async throws {
        let scratch = Scratch()
        let text = JSONValue.object(["source": "sample:", "datasets": ["*"]]).prettyText
        let manifest = try Manifest(parsing: Array(text.utf8), folder: scratch.path, overrides: Manifest.Overrides())
        let context = try JobContext(
            manifest: manifest, stop: StopSignal(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let items = items(Self.size.items)
        let tally = Tally(count: items.count)
        try FileManager.default.createDirectory(
            atPath: "\(scratch.path)/state/records", withIntermediateDirectories: true)
        for item in items { mkdir("\(scratch.path)/state/records/\(item.name)", 0o777) }
        let (before, seconds) = (operations(context), Self.processorSeconds())
        let last = try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<Self.size.tasks {
                group.addTask {
                    let share = TaskShare(index: index, count: Self.size.tasks)
                    let worker = try await JobAdmission(context: context, share: share).enter()
                    let owned = context.owned(by: worker.owner)
                    let markers = CompletionMarkers(owned)
                    let account = RunAccount()
                    account.open(items, failures: [], datasets: 60)
                    let workers = ItemWorkers(
                        context: owned, worker: worker, stages: Set(Stage.allCases), markers: markers,
                        account: account, known: [:]
                    ) { item, mark in
                        let number = try #require(Int(item.name.dropFirst(5)))
                        let isFirst = tally.begin(number)
                        defer { tally.end(number) }
                        if let mark, mark.digest == item.digest { return .already }
                        try markers.mark(item, native: 1, resized: 1, insteadOf: mark)
                        return isFirst ? .done : .already
                    }
                    let rest = try await WorkSharing(
                        context: owned, worker: worker, share: share, workers: workers, known: [:]
                    ).work(on: items)
                    let outcome = account.outcome
                    #expect(outcome.unaccounted.isEmpty)
                    #expect(outcome.done + outcome.alreadyDone + outcome.elsewhere == items.count)
                    worker.end()
                    return rest == .none
                }
            }
            return try await group.reduce(false) { $0 || $1 }
        }
        #expect(last, "nobody saw that all is done")
        #expect(tally.counts.allSatisfy { $0 >= 1 })
        // To claim an item that somebody has just finished and to see that is no work; it should be rare all the same.
        #expect(tally.counts.count { $0 > 1 } <= items.count / 10)
        let perItem = Double(operations(context) - before) / Double(items.count)
        let milliseconds = (Self.processorSeconds() - seconds) * 1000 / Double(items.count)
        print(
            "\(Self.size.tasks) tasks, \(items.count) items: \(perItem) file operations and \(milliseconds) ms of processor time an item"
        )
        #expect(perItem < 10)
        if isLarge { #expect(milliseconds < 5) }
    }

    private func operations(_ context: JobContext) -> Int {
        context.state.folder.operations.count + context.state.output.operations.count
    }

    private static func processorSeconds() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6
    }

    @Test func sharesAreEvenAndWhole() {
        let items = items(1000)
        let schedule = Schedule(items, tasks: 16)
        #expect(schedule.shares.flatMap { $0 }.sorted() == Array(items.indices))
        let loads = schedule.shares.map { $0.reduce(0) { $0 + items[$1].bytes } }
        let largest = items.map(\.bytes).max() ?? 0
        #expect((loads.max() ?? 0) - (loads.min() ?? 0) <= largest + (1000 << 20))
        for share in schedule.shares {
            let costs = share.map { items[$0].bytes }
            #expect(costs == costs.sorted(by: >))
        }
        // The same for everybody, in whatever order the items come.
        let again = Schedule(items.reversed(), tasks: 16)
        #expect(
            again.shares.map { $0.map { items.reversed()[$0].name } }
                == schedule.shares.map { $0.map { items[$0].name } })
        for task in 0..<16 {
            #expect(Set(schedule.othersOrder(for: task) + schedule.shares[task]).count == 1000)
        }
    }

    @Test(arguments: [(1, 0), (3, 0), (1, 5), (7, 3)]) func oddNumbersOfTasks(tasks: Int, count: Int) {
        let schedule = Schedule(items(count), tasks: tasks)
        #expect(schedule.shares.count == tasks)
        #expect(schedule.shares.joined().sorted() == Array(0..<count))
    }

    @Test func marksSayWhatTheyMean() throws {
        let mark = CompletionMarkers.Marker(
            item: "crop~7~odd.name", digest: PlanDigest(0x0123_4567_89ab_cdef),
            recordsChanged: 1_700_000_000_123_456_789, nativeBytes: 5, resizedBytes: .max)
        #expect(mark.name == "crop~7~odd.name~0123456789abcdef~1700000000123456789~5.9223372036854775807")
        #expect(CompletionMarkers.Marker(name: mark.name.utf8.span) == mark)
        for name in [
            "", "crop_1", "crop_1~a~b~c", "crop_1~0123456789abcdef~7~8", "crop_1~0123456789abcdef~7~8.9.1", "~~~",
            "crop_1~0123456789abcdeF~7~8.9", "crop_1~0123456789abcdef~7~8.9223372036854775808",
            "crop_1~0123456789abcdef~7~8.99999999999999999999", "crop_1~0123456789abcdef~~8.9",
            "0123456789abcdef~7~8.9",
        ] {
            #expect(CompletionMarkers.Marker(name: name.utf8.span) == nil, "\(name)")
        }
    }
}
