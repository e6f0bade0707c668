import Foundation

/// A job that is done, run again.
struct NothingRow: BenchRow {
    static let name = "nothing"

    func results(in workshop: Workshop) throws -> [RowResult] {
        let data = try workshop.data("items", "items", ["--items", "10000"])
        let manifest = try workshop.job(
            ["source": "file://\(data.path)/bench", "datasets": ["*"], "classes": ["mito"], "target_nm": 8],
            at: workshop.memoryFolder.appending(path: "nothing"))
        _ = try workshop.cristae(["run", manifest])
        var row = RowResult(
            row: "nothing to do", work: "10,000 finished items, run again",
            contestants: workshop.contest([("cristae", { try workshop.cristae(["run", manifest]) })]))
        row.checks = [
            RowResult.Check(
                what: "seconds", value: row.samples("cristae").seconds, target: 0.3, isAtLeast: false)
        ]
        row.limit = "three questions to the file system an item"
        return [row]
    }
}
