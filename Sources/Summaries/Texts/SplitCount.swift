internal import JSONText
public import Manifest

/// How much is on each side of a split: what the end line of a run tells.
public struct SplitCount: Sendable, Hashable, Codable {
    public struct Side: Sendable, Hashable, Codable {
        /// `train`, `validation` or `test`.
        public let name: String
        public fileprivate(set) var crops = 0
        /// Of the resized raw data.
        public fileprivate(set) var voxels = 0
    }

    public private(set) var sides: [Side]

    /// Counts the entries of `crops.json`.
    init(_ entries: [JSONValue]) {
        sides = TrainingSide.allCases.map { Side(name: $0.rawValue) }
        for entry in entries {
            guard let name = entry["split"]?.string, let index = sides.firstIndex(where: { $0.name == name }) else {
                continue
            }
            let shape = (entry["shape"]?.array ?? []).map { $0.integer ?? 0 }
            let voxels = shape.reduce(shape.isEmpty ? 0 : 1) { product, extent in
                let (next, overflows) = product.multipliedReportingOverflow(by: extent)
                return overflows ? .max : next
            }
            sides[index].crops += 1
            let (sum, overflows) = sides[index].voxels.addingReportingOverflow(voxels)
            sides[index].voxels = overflows ? .max : sum
        }
    }

    /// A part of the end line.
    public var text: String {
        let parts = sides.map { side in
            side.crops == 0 ? "\(side.name) empty" : "\(side.name) \(side.crops) crops with \(side.voxels) voxels"
        }
        return "split: " + parts.joined(separator: ", ")
    }

    /// The sides that are to have something, and have nothing; none where there are no crops at all.
    public func empty(_ split: Manifest.Split) -> [String] {
        guard sides.contains(where: { $0.crops > 0 }) else { return [] }
        let shares = [TrainingSide.train: 1, .validation: split.validation, .test: split.test]
        return sides.filter { side in
            side.crops == 0 && TrainingSide(rawValue: side.name).flatMap { shares[$0] } ?? 0 > 0
        }.map(\.name)
    }
}

/// `txt/split.csv`: which side each crop is on, a line each.
enum SplitTable {
    static let path = "txt/split.csv"

    /// - Parameter entries: of `crops.json`, in their order.
    static func text(_ entries: [JSONValue]) -> [UInt8] {
        var text = "name,dataset,crop_id,group,split\n"
        for entry in entries {
            guard let side = entry["split"]?.string, let group = entry["group"]?.integer,
                let cropID = entry["crop_id"]?.integer
            else { continue }
            let names = [entry["name"]?.string ?? "", entry["dataset"]?.string ?? ""].map(quoted)
            text += "\(names[0]),\(names[1]),\(cropID),\(group),\(side)\n"
        }
        return Array(text.utf8)
    }

    /// A field as RFC 4180 has it.
    private static func quoted(_ field: String) -> String {
        guard field.utf8.contains(where: { [UInt8(ascii: ","), UInt8(ascii: "\""), 0x0A, 0x0D].contains($0) }) else {
            return field
        }
        return "\"\(field.replacing("\"", with: "\"\""))\""
    }
}
