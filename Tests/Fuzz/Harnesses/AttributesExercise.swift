import Geometry
import JSONText
import Volumes

/// What the program goes on to do with the attributes of a group.
struct AttributesExercise {
    let attributes: JSONValue

    func run(harness: some Harness) {
        _ = LabelAnnotation(attributes: attributes)
        if let multiscale = try? Multiscale(attributes: attributes, path: "attributes") {
            check(multiscale, harness: harness)
        }
        let text = attributes.canonicalText
        harness.require((try? JSONValue(parsing: text.utf8)) == attributes, "its own text is read as another: \(text)")
    }

    /// The promises of ``Multiscale``, and where its levels lie in one another.
    func check(_ multiscale: Multiscale, harness: some Harness) {
        harness.require(
            !multiscale.levels.isEmpty && multiscale.levels.count <= Multiscale.maximumLevelCount,
            "\(multiscale.levels.count) levels")
        let grids = multiscale.levels.map { level in
            Grid(shape: ZYX(repeating: 100), voxelSize: level.scale, translation: level.translation)
        }
        for (level, grid) in zip(multiscale.levels, grids) {
            harness.require((try? grid.check()) != nil, "level \(level) cannot be computed with")
            harness.require(
                !level.path.isEmpty && !level.path.hasPrefix("/") && !level.path.split(separator: "/").contains(".."),
                "the path \(level.path)")
            _ = try? Placement(of: grid, in: grids[0])
        }
        let choice = LevelChoice(target: ZYX(repeating: 8), tolerance: 0.4, preference: .target)
        let places = multiscale.levels.map { LevelPlace(voxelSize: $0.scale, translation: $0.translation) }
        _ = choice.choose(raw: places, labels: [places])
    }
}
