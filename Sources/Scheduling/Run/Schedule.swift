internal import HeapModule
internal import Planning

/// How items are spread over tasks: the costliest first, each to the task that has least to do. All tasks work it out alike without
/// talking to each other.
struct Schedule: Sendable {
    /// What an item costs besides its voxels: opening, requests, records; in bytes.
    private static let overhead = 1 << 20

    private struct Load: Comparable {
        var cost: Int
        let task: Int

        static func < (a: Load, b: Load) -> Bool { (a.cost, a.task) < (b.cost, b.task) }
    }

    /// For each task the indices of its items, the costliest first.
    let shares: [[Int]]

    init(_ items: [ItemEntry], tasks: Int) {
        let order = items.indices.sorted { a, b in
            items[a].bytes != items[b].bytes ? items[a].bytes > items[b].bytes : items[a].name < items[b].name
        }
        guard tasks > 1 else {
            shares = [order]
            return
        }
        var shares = [[Int]](repeating: [], count: tasks)
        var loads = Heap((0..<tasks).map { Load(cost: 0, task: $0) })
        for index in order {
            guard var least = loads.popMin() else { break }
            shares[least.task].append(index)
            least.cost =
                least.cost.addingReportingOverflow(Self.overhead + min(items[index].bytes, 1 << 50)).partialValue
            loads.insert(least)
        }
        self.shares = shares
    }

    /// In which order a task that is through with its own share looks at what the others have: its neighbours first, of each what it would
    /// come to last.
    func othersOrder(for task: Int) -> [Int] {
        (1..<max(1, shares.count)).flatMap { shares[(task + $0) % shares.count].reversed() }
    }
}
