/// A union-find forest over numbered runs, 4 bytes each, in blocks so that growing it never copies.
///
/// A parent's number is never larger than its child's: the root of a tree is its first run.
struct RunForest: ~Copyable {
    private static var blockBits: Int { 18 }
    private var blocks: [UnsafeMutablePointer<UInt32>] = []
    private(set) var count = 0

    deinit {
        for block in blocks { block.deallocate() }
    }

    /// The parent of a run, or its component once they have been numbered.
    subscript(run: UInt32) -> UInt32 {
        get { blocks[Int(run) >> Self.blockBits][Int(run) & ((1 << Self.blockBits) - 1)] }
        set { blocks[Int(run) >> Self.blockBits][Int(run) & ((1 << Self.blockBits) - 1)] = newValue }
    }

    /// Adds a run that is joined to none. There must be fewer than 2^32.
    mutating func append() -> UInt32 {
        if count & ((1 << Self.blockBits) - 1) == 0 { blocks.append(.allocate(capacity: 1 << Self.blockBits)) }
        let run = UInt32(count)
        count += 1
        self[run] = run
        return run
    }

    /// The first run of the tree, halving the path to it.
    mutating func root(of run: UInt32) -> UInt32 {
        var run = run
        while true {
            let parent = self[run]
            if parent == run { return run }
            let grandparent = self[parent]
            self[run] = grandparent
            run = grandparent
        }
    }

    mutating func join(_ a: UInt32, _ b: UInt32) {
        let (a, b) = (root(of: a), root(of: b))
        if a < b {
            self[b] = a
        } else if b < a {
            self[a] = b
        }
    }

    /// Replaces every parent by the number of its component, 1… in the order of their first runs, and counts them.
    mutating func numberComponents() -> Int {
        var components: UInt32 = 0
        var index = 0
        while index < count {
            let run = UInt32(index)
            let parent = self[run]
            if parent == run {
                components += 1
                self[run] = components
            } else {
                // A parent comes before its child, so it has been replaced already.
                self[run] = self[parent]
            }
            index += 1
        }
        return Int(components)
    }
}
