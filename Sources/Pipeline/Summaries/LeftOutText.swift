internal import JSONText
internal import Ledger

/// `txt/left_out.json`: the items of a job of which nothing is made, by its plans and by the labels that have been fetched.
struct LeftOutText: Sendable {
    let context: JobContext

    /// The text, by what the state directory holds. Blocks.
    func text(_ present: PresentJob) throws -> String {
        let items = try all(present).sorted { $0.order < $1.order }
        return JSONValue.array(items.map(\.json)).prettyText + "\n"
    }

    private func all(_ present: PresentJob) throws -> [LeftOut] {
        let gate = ByteBudget(limit: 1)
        var found = present.plans.flatMap { $0.plan.leftOut ?? [] }
        for plan in present.plans {
            let undecided = Set(plan.plan.undecided ?? [])
            for entry in plan.items where undecided.contains(entry.ownName) {
                guard try context.state.changed("records/\(entry.name)") != nil,
                    let item = try? PlanFile.item(entry, in: context.state)
                else { continue }
                let runner = ItemRunner(context: context, plan: item, downloading: gate, computing: gate)
                if let leftOut = try runner.recorded().leftOut { found.append(leftOut) }
            }
        }
        return found
    }
}
