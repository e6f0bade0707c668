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

    static let all: [CropRow] = {
        guard
            let url = Bundle.module.url(forResource: "crop_to_raw_voxels", withExtension: "csv", subdirectory: "Data"),
            let text = try? String(contentsOf: url, encoding: .utf8)
        else { return [] }
        let lines = text.split(whereSeparator: \.isNewline).map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        guard let header = lines.first else { return [] }
        return lines.dropFirst().map { line in
            CropRow(columns: Dictionary(zip(header.map(String.init), line.map(String.init))) { first, _ in first })
        }
    }()
}

/// A pyramid as the real ones are made: factor 2, centre of the first coarse voxel.
private func pyramid(voxel: ZYX<Double>, translation: ZYX<Double>, shape: ZYX<Int>, levels: Int) -> [Grid] {
    (0..<levels).map { level in
        let factor = Double(1 << level)
        return Grid(
            shape: shape.map { $0 >> level }, voxelSize: voxel.map { $0 * factor },
            translation: translation.zip(voxel) { $0 + $1 * (factor - 1) / 2 })
    }
}

@Suite struct CropTableTests {
    @Test func theTableIsComplete() {
        #expect(CropRow.all.count == 305)
    }

    @Test(arguments: CropRow.all)
    func boxInTheFinestRawLevel(row: CropRow) throws {
        let labels = Grid(
            shape: try row.integers("gt_s0_shape"), voxelSize: try row.numbers("gt_s0_voxel_nm"),
            translation: try row.numbers("gt_s0_translation_nm"))
        let raw = Grid(
            shape: ZYX(repeating: 100_000), voxelSize: try row.numbers("raw_s0_voxel_nm"),
            translation: ZYX(repeating: 0))
        let placement = try Placement(of: labels, in: raw)
        #expect(placement.isExact)
        #expect(placement.box.start == (try row.integers("raw_s0_start")))
        #expect(placement.box.stop == (try row.integers("raw_s0_stop")))
    }

    @Test(arguments: CropRow.all)
    func finestPairAndItsBox(row: CropRow) throws {
        let labels = pyramid(
            voxel: try row.numbers("gt_s0_voxel_nm"), translation: try row.numbers("gt_s0_translation_nm"),
            shape: try row.integers("gt_s0_shape"), levels: 5)
        let raw = pyramid(
            voxel: try row.numbers("raw_s0_voxel_nm"), translation: ZYX(repeating: 0),
            shape: ZYX(repeating: 100_000), levels: 10)
        let rule = LevelChoice(target: ZYX(repeating: 8), tolerance: 0.4, finest: true)
        let choice = try #require(rule.choose(raw: raw.map(\.voxelSize), labels: [labels.map(\.voxelSize)]))
        #expect(choice.raw == (try row.level("match_raw_level")))
        #expect(choice.labels == [try row.level("match_gt_level")])
        #expect(choice.matched == [true])
        let placement = try Placement(of: labels[choice.labels[0]], in: raw[choice.raw])
        #expect(placement.isExact)
        #expect(placement.box.start == (try row.integers("match_raw_start")))
        #expect(placement.box.shape == (try row.integers("match_shape")))
        #expect(placement.box.shape == labels[choice.labels[0]].shape)
    }
}
