/// How `limits.memory` is shared out, in bytes. What is not given to anybody is for the program itself, the libraries and the
/// allocator's slack.
struct MemoryShares: Sendable {
    /// Items whose chunks are computed at a time.
    let computingItems: Int
    /// Bodies that are under way.
    let download: Int
    /// Decoded source chunks of one computing item.
    let cache: Int
    /// Windows, chunks and encoded chunks of one computing item that are worked on.
    let work: Int

    init(limit: Int) {
        let usable = max(limit - (96 << 20), limit / 4)
        computingItems = limit >= 512 << 20 ? 2 : 1
        download = usable / 4
        cache = usable / 4 / computingItems
        work = usable / 4 / computingItems
    }
}
