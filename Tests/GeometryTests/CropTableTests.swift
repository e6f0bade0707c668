import Foundation
import Geometry
import Testing

/// The 305 public ground-truth crops with the boxes that are right (`crop_to_raw_voxels.csv`).
struct CropRow: Sendable, CustomTestStringConvertible {
    let columns: [String: String]

    var testDescription: String { "\(columns["dataset"] ?? "?") crop \(columns["crop"] ?? "?")" }

    func text(_ column: String) throws -> String { try #require(columns[column]) }

    func numbers(_ column: String) throws -> ZYX<Double> {
        try #require(ZYX(try text(column).split(separator: ";").compactMap { Double($0) }))
    }

    func integers(_ column: String) throws -> ZYX<Int> {
        try #require(ZYX(try text(column).split(separator: ";").compactMap { Int($0) }))
    }

    func level(_ column: String) throws -> Int { try #require(Int(try text(column).dropFirst())) }

    static let all = table("crop_to_raw_voxels")
    /// The 44 pairs of crops that overlap.
    static let overlaps = table("crop_overlaps")

    private static func table(_ name: String) -> [CropRow] {
        guard
            let url = Bundle.module.url(forResource: name, withExtension: "csv", subdirectory: "Data"),
            let text = try? String(contentsOf: url, encoding: .utf8)
        else { return [] }
        let lines = text.split(whereSeparator: \.isNewline).map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        guard let header = lines.first else { return [] }
        return lines.dropFirst().map { line in
            CropRow(columns: Dictionary(zip(header.map(String.init), line.map(String.init))) { first, _ in first })
        }
    }
}

/// A pyramid as the real ones are made: factor 2, centre of the first coarse voxel, shapes halved upwards.
private func pyramid(voxel: ZYX<Double>, translation: ZYX<Double>, shape: ZYX<Int>, levels: Int) -> [Grid] {
    (0..<levels).map { level in
        let factor = Double(1 << level)
        return Grid(
            shape: shape.map { ($0 + (1 << level) - 1) >> level }, voxelSize: voxel.map { $0 * factor },
            translation: translation.zip(voxel) { $0 + $1 * (factor - 1) / 2 })
    }
}

extension Grid {
    fileprivate var place: LevelPlace { LevelPlace(voxelSize: voxelSize, translation: translation) }
}

extension CropRow {
    /// The table has no shapes of coarser label levels; they are taken as halved upwards.
    var labels: [Grid] {
        get throws {
            pyramid(
                voxel: try numbers("gt_s0_voxel_nm"), translation: try numbers("gt_s0_translation_nm"),
                shape: try integers("gt_s0_shape"), levels: 5)
        }
    }

    /// The raw volume's own shape is not in the table either: it is large.
    var raw: [Grid] {
        get throws {
            pyramid(
                voxel: try numbers("raw_s0_voxel_nm"), translation: ZYX(repeating: 0),
                shape: ZYX(repeating: 100_000), levels: 10)
        }
    }

    func choice(_ target: Double, _ preference: LevelChoice.Preference) throws -> LevelChoice.Choice {
        let rule = LevelChoice(target: ZYX(repeating: target), tolerance: 0.4, preference: preference)
        return try #require(rule.choose(raw: try raw.map(\.place), labels: [try labels.map(\.place)]))
    }
}

@Suite struct CropTableTests {
    @Test func theTableIsComplete() {
        #expect(CropRow.all.count == 305)
    }

    @Test(arguments: CropRow.all)
    func boxInTheFinestRawLevel(row: CropRow) throws {
        let placement = try Placement(of: try row.labels[0], in: try row.raw[0])
        #expect(placement.isExact)
        #expect(placement.box.start == (try row.integers("raw_s0_start")))
        #expect(placement.box.stop == (try row.integers("raw_s0_stop")))
    }

    @Test(arguments: CropRow.all)
    func finestPairAndItsBox(row: CropRow) throws {
        let choice = try row.choice(8, .finest)
        #expect(choice.raw == (try row.level("match_raw_level")))
        #expect(choice.labels == [try row.level("match_gt_level")])
        #expect(choice.matched == [true])
        #expect(choice.kind == .pair)
        let labels = try row.labels[choice.labels[0]]
        let placement = try Placement(of: labels, in: try row.raw[choice.raw])
        #expect(placement.isExact)
        #expect(placement.box.start == (try row.integers("match_raw_start")))
        #expect(placement.box.shape == (try row.integers("match_shape")))
        #expect(placement.box.shape == labels.shape)
    }

    /// Every pair that is taken has one box and one shape for raw data and labels.
    @Test(arguments: [4.0, 8, 16], CropRow.all)
    func thePairThatFitsHasOneShape(target: Double, row: CropRow) throws {
        let choice = try row.choice(target, .target)
        guard choice.kind != .alone else { return }
        // Among the public crops some pair always fits.
        #expect(choice.kind == .pair)
        let labels = try row.labels[choice.labels[0]]
        let placement = try Placement(of: labels, in: try row.raw[choice.raw])
        #expect(placement.isExact)
        #expect(placement.box.shape == labels.shape)
        // The box is that of the finest level, in larger voxels.
        let factor = 1 << choice.raw
        #expect(placement.box.start.map { $0 * factor } == (try row.integers("raw_s0_start")))
    }

    /// How many crops the rule takes from the coarsest pair, from 1 to 3 levels below it, without a pair, and not at all.
    struct Counts: Sendable, CustomTestStringConvertible {
        let target: Double
        let levelsBelow: [Int]
        let (alone, leftOut): (Int, Int)

        var testDescription: String { "\(target) nm" }
    }

    @Test(arguments: [
        Counts(target: 8, levelsBelow: [167, 68, 17, 0], alone: 9, leftOut: 44),
        Counts(target: 4, levelsBelow: [95, 17, 0, 0], alone: 140, leftOut: 53),
        Counts(target: 16, levelsBelow: [54, 122, 68, 17], alone: 42, leftOut: 2),
    ])
    func whatBecomesOfThePublicCrops(expected: Counts) throws {
        var below = [0, 0, 0, 0]
        var (alone, leftOut) = (0, 0)
        for row in CropRow.all {
            let choice = try row.choice(expected.target, .target)
            var raw = choice.raw
            let (raws, labels) = (try row.raw, try row.labels[choice.labels[0]])
            if choice.kind == .alone {
                let rule = LevelChoice(
                    target: ZYX(repeating: expected.target), tolerance: 0.4, preference: .target)
                raw = try #require(
                    rule.raw(raws.map(\.place)) { place in
                        let grid = Grid(
                            shape: ZYX(repeating: 1), voxelSize: place.voxelSize, translation: place.translation)
                        return (try? Placement(of: labels, in: grid))?.isExact ?? false
                    })
                #expect(try Placement(of: labels, in: raws[raw]).isExact)
            }
            let factors = (raws[raw].voxelSize.array + labels.voxelSize.array).map { $0 / expected.target }
            if (factors.max() ?? 0) > 2 * (1 + 1e-9) {
                leftOut += 1
            } else if choice.kind == .alone {
                alone += 1
            } else {
                below[try row.choice(expected.target, .coarsest).raw - choice.raw] += 1
            }
        }
        #expect(below == expected.levelsBelow)
        #expect(alone == expected.alone)
        #expect(leftOut == expected.leftOut)
    }

    /// At 8 nm the coarsest pair of 85 crops does not fit: the raw box has a voxel more than the labels.
    @Test func theCoarsestPairMayLieHalfAVoxelOff() throws {
        let choices = try CropRow.all.map { try $0.choice(8, .coarsest) }
        #expect(choices.count { $0.kind == .pairOffGrid } == 85)
        #expect(choices.count { $0.kind != .alone } == 252)
    }
}
