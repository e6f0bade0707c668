public import Job
internal import Ledger
public import Planning
internal import Threads

/// Which items of a job are complete, and how far the others are; what has never been begun costs one look at a listing.
public struct ItemSurvey: Sendable {
    public let items: [ItemEntry]
    /// Names of those that are complete.
    let complete: Set<String>
    /// Those of which nothing is made, because their labels have decided that; by name.
    public let leftOut: [String: LeftOut]
    /// Of the others, what is done of those that have any records.
    let begun: [String: DoneStages]

    /// Looks at `items`; an item whose plan or records cannot be read counts as not begun.
    public static func of(_ items: [ItemEntry], _ context: JobContext) async throws -> ItemSurvey {
        let markers = CompletionMarkers(context)
        let (marks, recorded) = try await ThreadPool.files.run { () throws(LedgerError) in
            (try markers.all(), Set(try context.records.items()))
        }
        let width = ThreadPool.files.width
        let part = max(256, (items.count + width - 1) / width)
        let parts = stride(from: 0, to: items.count, by: part).map { items[$0..<min($0 + part, items.count)] }
        typealias Part = (complete: Set<String>, leftOut: [String: LeftOut], begun: [String: DoneStages])
        let found = try await concurrentMap(parts) { part in
            try await ThreadPool.files.run { () throws(LedgerError) -> Part in
                var complete = try markers.standing(Array(part), marks)
                var (leftOut, begun): ([String: LeftOut], [String: DoneStages]) = ([:], [:])
                for item in part where recorded.contains(item.name) && !complete.contains(item.name) {
                    guard let plan = try? PlanFile.item(item, in: context.state),
                        let done = try? ItemRecords(plan, context).done()
                    else { continue }
                    if let reason = done.leftOut {
                        leftOut[item.name] = reason
                    } else if done.isComplete {
                        complete.insert(item.name)
                    } else {
                        begun[item.name] = done
                    }
                }
                return (complete, leftOut, begun)
            }
        }
        var all: Part = ([], [:], [:])
        for part in found {
            all.complete.formUnion(part.complete)
            all.leftOut.merge(part.leftOut) { first, _ in first }
            all.begun.merge(part.begun) { first, _ in first }
        }
        return ItemSurvey(items: items, complete: all.complete, leftOut: all.leftOut, begun: all.begun)
    }

    /// Whether nothing is left to do for an item.
    public func isSettled(_ name: String) -> Bool { complete.contains(name) || leftOut[name] != nil }

    /// Items for which `stage` is done.
    public func count(_ stage: Stage) -> Int { complete.count + begun.values.count { $0.has(stage) } }

    public func has(_ stage: Stage, _ item: ItemEntry) -> Bool {
        complete.contains(item.name) || begun[item.name]?.has(stage) ?? false
    }
}
