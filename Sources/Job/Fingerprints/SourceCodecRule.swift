internal import Arrays
internal import JSONText
internal import Manifest
internal import Planning
internal import Stores
internal import Volumes

/// Whether `compression: "source"` means other filters for an item than in earlier versions: for N5, and for deflate at zlib's own level (-1).
///
/// The key is part of a fingerprint only where it applies: all other items stay done.
enum SourceCodecRule {
    static func keys(_ plan: ItemPlan, _ context: JobContext) -> [String: JSONValue] {
        guard context.manifest.convert.compression == .source else { return [:] }
        let isConcerned = plan.arrays.contains { array in
            guard array.format != .n5 else { return true }
            let codec = (try? PlannedArray(array, store: context.store.url))?.codecSummary
            return codec?.level == -1 && ["zlib", "gzip"].contains(codec?.name)
        }
        return isConcerned ? ["source_codec": 2] : [:]
    }
}
