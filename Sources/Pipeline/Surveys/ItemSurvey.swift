internal import Ledger
internal import Threads

/// Which items of a job are complete, and how far the others are; what has never been begun costs one look at a listing.
struct ItemSurvey: Sendable {
    let items: [ItemEntry]
    /// Names of those that are complete.
    let complete: Set<String>
    /// Of those that are not, what is done of those that have any records.
    let begun: [String: ItemRunner.Done]

    /// Looks at `items`; an item whose plan or records cannot be read counts as not begun.
    static func of(_ items: [ItemEntry], _ context: JobContext) async throws -> ItemSurvey {
        let markers = DoneMarkers(context)
        let (marks, recorded) = try await ThreadPool.files.run { () throws(LedgerError) in
            (try markers.all(), Set(try context.records.items()))
        }
        let width = ThreadPool.files.width
        let part = max(256, (items.count + width - 1) / width)
        let parts = stride(from: 0, to: items.count, by: part).map { items[$0..<min($0 + part, items.count)] }
        let gate = ByteBudget(limit: 1)
        let found = try await concurrentMap(parts) { part in
            try await ThreadPool.files.run { () throws(LedgerError) -> (Set<String>, [String: ItemRunner.Done]) in
                var complete = try markers.standing(Array(part), marks)
                var begun: [String: ItemRunner.Done] = [:]
                for item in part where recorded.contains(item.name) && !complete.contains(item.name) {
                    guard let plan = try? PlanFile.item(item, in: context.state),
                        let done = try? ItemRunner(
                            context: context, plan: plan, downloading: gate, computing: gate
                        ).done()
                    else { continue }
                    if done.isComplete { complete.insert(item.name) } else { begun[item.name] = done }
                }
                return (complete, begun)
            }
        }
        var (complete, begun): (Set<String>, [String: ItemRunner.Done]) = ([], [:])
        for (done, open) in found {
            complete.formUnion(done)
            begun.merge(open) { first, _ in first }
        }
        return ItemSurvey(items: items, complete: complete, begun: begun)
    }

    /// Items for which `stage` is done.
    func count(_ stage: Stage) -> Int { complete.count + begun.values.count { $0.has(stage) } }

    func has(_ stage: Stage, _ item: ItemEntry) -> Bool {
        complete.contains(item.name) || begun[item.name]?.has(stage) ?? false
    }
}
