/// What was assumed while N5 attributes were read; each line once.
struct N5Warnings {
    private(set) var lines: [String] = []

    mutating func add(_ line: String) {
        if !lines.contains(line) { lines.append(line) }
    }
}
