/// How `limits.memory` is shared out, in bytes. What is not given to anybody is for the program itself, the libraries and the
/// allocator's slack.
public struct MemoryShares: Sendable {
    /// Items whose chunks are computed at a time.
    public let computingItems: Int
    /// Bodies that are under way.
    let download: Int
    /// Decoded source chunks of one computing item.
    let cache: Int
    /// Windows, chunks and encoded chunks of one computing item that are worked on.
    let work: Int
    /// Chunks of all items that are kept from one stage to the next.
    let kept: Int

    /// - Parameter hasCrops: whether items are crops, whose chunks can be kept.
    init(limit: Int, hasCrops: Bool) {
        let usable = max(limit - (96 << 20), limit / 4)
        if limit >= 512 << 20, hasCrops {
            computingItems = 2
            kept = usable / 2
            download = usable / 10
            cache = usable / 10
            work = usable / 16
        } else {
            computingItems = limit >= 512 << 20 ? 2 : 1
            kept = 0
            download = usable / 4
            cache = usable / 4 / computingItems
            work = usable / 4 / computingItems
        }
    }
}
