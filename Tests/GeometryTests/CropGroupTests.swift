import Geometry
import Testing

@Suite struct CropGroupTests {
    private func place(
        _ id: Int, edge: ZYX<Double>, extent: Double = 80, alignment: String = "recon-1"
    ) -> CropPlace {
        CropPlace(
            name: "crop_\(id)", cropID: id, alignment: alignment, edge: edge, extent: ZYX(repeating: extent),
            voxelSize: ZYX(repeating: 8))
    }

    @Test func cropsThatTouchDoNotOverlap() {
        let groups = CropGroups([
            place(1, edge: ZYX(0, 0, 0)), place(2, edge: ZYX(80 - 1e-9, 0, 0)), place(3, edge: ZYX(0, 0, 79.9)),
        ])
        for id in 1...3 {
            #expect(groups["crop_\(id)"] == CropGroups.Relations(group: id, overlaps: [], duplicateOf: nil))
        }
    }

    @Test func aGroupIsWhatIsConnected() {
        // 9 and 2 overlap, 2 and 5 overlap, 9 and 5 do not.
        let groups = CropGroups([
            place(9, edge: ZYX(0, 0, 0)), place(5, edge: ZYX(0, 0, 120)), place(2, edge: ZYX(0, 0, 60)),
            place(1, edge: ZYX(0, 0, 300)),
        ])
        #expect(
            groups["crop_2"]
                == CropGroups.Relations(group: 2, overlaps: [(5, 0.25), (9, 0.25)], duplicateOf: nil))
        #expect(groups["crop_5"]?.group == 2 && groups["crop_9"]?.group == 2)
        #expect(groups["crop_1"]?.group == 1)
    }

    @Test func equalBoxesAreDuplicatesOfTheSmallestId() {
        let groups = CropGroups([
            place(7, edge: ZYX(0, 0, 0)), place(3, edge: ZYX(0, 1e-9, 0)), place(5, edge: ZYX(0, 0, 0)),
        ])
        #expect(groups["crop_3"]?.duplicateOf == nil)
        #expect(groups["crop_5"]?.duplicateOf == 3 && groups["crop_7"]?.duplicateOf == 3)
        #expect(groups["crop_7"]?.overlaps.map(\.cropID) == [3, 5])
    }

    @Test func fractionsAreOfTheCropItself() {
        let groups = CropGroups([
            place(1, edge: ZYX(0, 0, 0), extent: 160), place(2, edge: ZYX(40, 40, 40), extent: 80),
        ])
        #expect(groups["crop_1"]?.overlaps.first?.fraction == 0.125)
        #expect(groups["crop_2"]?.overlaps.first?.fraction == 1)
    }

    @Test func alignmentsHaveFramesOfTheirOwn() {
        let groups = CropGroups([
            place(1, edge: ZYX(0, 0, 0)), place(2, edge: ZYX(0, 0, 0), alignment: "recon-2"),
            place(2, edge: ZYX(0, 0, 40)),
        ])
        // Either may have a crop of that name.
        #expect(
            groups["crop_2", alignment: "recon-2"] == CropGroups.Relations(group: 2, overlaps: [], duplicateOf: nil))
        #expect(groups["crop_2"]?.group == 1)
    }

    /// All pairs of the public crops that overlap, and no others, with the fraction of the smaller one.
    @Test func thePublicCrops() throws {
        let rows = Dictionary(grouping: CropRow.all) { $0.columns["dataset"] ?? "" }
        var found: [String: Double] = [:]
        for (dataset, rows) in rows {
            let places = try rows.map { row in
                let grid = try row.labels[0]
                let id = try #require(Int(try row.text("crop")))
                return CropPlace(
                    name: "\(id)", cropID: id, alignment: "recon-1", edge: grid.edge, extent: grid.extent,
                    voxelSize: grid.voxelSize)
            }
            let groups = CropGroups(places)
            for place in places {
                for overlap in try #require(groups[place.name]).overlaps {
                    let pair = "\(dataset) \(min(place.cropID, overlap.cropID)) \(max(place.cropID, overlap.cropID))"
                    found[pair] = max(found[pair] ?? 0, overlap.fraction)
                    #expect(groups["\(overlap.cropID)"]?.group == groups[place.name]?.group)
                }
            }
            for place in places {
                if let other = groups[place.name]?.duplicateOf {
                    found["\(dataset) duplicate \(place.cropID) \(other)"] = 1
                }
            }
        }
        #expect(CropRow.overlaps.count == 44)
        var crops: Set<String> = []
        for row in CropRow.overlaps {
            let (dataset, a, b) = (try row.text("dataset"), try row.text("crop_a"), try row.text("crop_b"))
            let ids = [try #require(Int(a)), try #require(Int(b))].sorted()
            let removed = found.removeValue(forKey: "\(dataset) \(ids[0]) \(ids[1])")
            let fraction = try #require(removed, "\(row)")
            let expected = try #require(Double(try row.text("fraction_of_smaller")))
            #expect(abs(fraction - expected) < 0.0006, "\(row)")
            crops.formUnion(["\(dataset) \(a)", "\(dataset) \(b)"])
        }
        #expect(crops.count == 54)
        #expect(found.keys.filter { !$0.contains("duplicate") } == [])
        // Seven boxes are there more than once, one of them three times.
        #expect(found.count == 8)
    }
}

extension CropGroups {
    fileprivate subscript(name: String) -> Relations? { self[name, alignment: "recon-1"] }
}
