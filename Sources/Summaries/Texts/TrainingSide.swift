internal import Crypto
internal import Foundation
internal import Manifest

/// Which side of a training a group of crops is on.
enum TrainingSide: String, Sendable, CaseIterable {
    case train, validation, test

    /// The side of a group: a hash of dataset, smallest id and seed, so that it depends on no other group. It changes only for crops that a
    /// newcomer joins to a smaller id.
    ///
    /// - Parameter group: the smallest crop id of the group; what it is does not matter where whole datasets are on a side.
    init(dataset: String, group: Int, split: Manifest.Split) {
        var text = Array("\(split.seed)\0".utf8) + Array(dataset.utf8)
        if split.by == .group { text += Array("\0\(group)".utf8) }
        let digest = SHA256.hash(data: Data(text))
        // 53 bits are what a Double holds.
        let number = digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } >> 11
        let position = Double(number) / 0x1p53
        self = position < split.validation ? .validation : position < split.validation + split.test ? .test : .train
    }
}
