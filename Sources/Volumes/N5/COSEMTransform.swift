internal import Geometry
internal import JSONText

/// The `transform` of COSEM's N5 metadata: voxel size and centre of voxel 0, brought to z, y, x and nm.
///
/// Its members are in the order of `axes`: z, y, x where `order` is `C` or missing. The members beside it (`dimensions`, `pixelResolution`)
/// are x, y, z (https://janelia-cellmap.github.io/cellmap-schemas/, `STTransform`).
struct COSEMTransform: Equatable {
    /// nm per voxel, each finite and above 0.
    let scale: ZYX<Double>
    /// The centre of voxel 0 in nm.
    let translation: ZYX<Double>
    /// The units as written; `nanometer` where there are none.
    let units: ZYX<String>

    init(scale: ZYX<Double>, translation: ZYX<Double>, units: ZYX<String>) {
        self.scale = scale
        self.translation = translation
        self.units = units
    }

    /// - Throws: ``VolumeError`` with code `.unsupported` where axes are others than x, y and z or mirrored,
    ///   `.badMetadata` where a member has the wrong type or number of values.
    init(_ json: JSONValue, key: String, errors: MetadataErrors, warnings: inout N5Warnings) throws(VolumeError) {
        guard json.object != nil else { throw errors.bad(key, expected: "an object", found: json) }
        let order = try Self.order(json, key: key, errors: errors, warnings: &warnings)
        let scale = order.sorted(try N5Vector.numbers(json["scale"], key: "\(key).scale", errors: errors))
        try N5Vector.checkPositive(scale, json["scale"], key: "\(key).scale", errors: errors)

        var translation = ZYX(repeating: 0.0)
        if let translate = json["translate"], !translate.isNull {
            translation = order.sorted(try N5Vector.numbers(translate, key: "\(key).translate", errors: errors))
        } else {
            warnings.add("\(key).translate is missing: taken as 0")
        }
        let units = order.sorted(
            try N5Vector.units(json["units"], key: "\(key).units", errors: errors, warnings: &warnings))
        let factors = units.map(\.nanometers)
        self.init(
            scale: scale.zip(factors, *), translation: translation.zip(factors, *), units: units.map(\.name))
        guard self.scale.allSatisfy(\.isFinite), self.translation.allSatisfy(\.isFinite) else {
            throw errors.bad(key, expected: "numbers that are finite in nm", found: json)
        }
    }

    /// The positions of z, y and x in the members of a transform.
    private struct Order {
        let z: Int
        let y: Int
        let x: Int

        func sorted<Value>(_ values: [Value]) -> ZYX<Value> { ZYX(values[z], values[y], values[x]) }
    }

    private static func order(
        _ json: JSONValue, key: String, errors: MetadataErrors, warnings: inout N5Warnings
    ) throws(VolumeError) -> Order {
        let isFortran: Bool
        switch json["order"] {
        case nil, .null?, "C"?: isFortran = false
        case "F"?: isFortran = true
        case let other: throw errors.bad("\(key).order", expected: "\"C\" or \"F\"", found: other)
        }
        guard let axes = json["axes"], !axes.isNull else {
            let names = isFortran ? "x, y, z" : "z, y, x"
            warnings.add("\(key).axes is missing: taken as \(names)")
            return isFortran ? Order(z: 2, y: 1, x: 0) : Order(z: 0, y: 1, x: 2)
        }
        guard let list = axes.array else { throw errors.bad("\(key).axes", expected: "an array", found: axes) }
        let names = list.map { $0.string?.lowercased() ?? "?" }
        guard names.count == 3, let z = names.firstIndex(of: "z"), let y = names.firstIndex(of: "y"),
            let x = names.firstIndex(of: "x")
        else {
            throw errors.unsupported("\(key).axes", "expected z, y, x, found \(MetadataErrors.excerpt(axes))")
        }
        if names != (isFortran ? ["x", "y", "z"] : ["z", "y", "x"]) {
            warnings.add(
                "\(key).axes is \(names.joined(separator: ", ")) with order \(isFortran ? "F" : "C"): "
                    + "the names are followed")
        }
        return Order(z: z, y: y, x: x)
    }

    /// The same with its origin elsewhere, in nm.
    func moved(by offset: ZYX<Double>) -> COSEMTransform {
        COSEMTransform(scale: scale, translation: translation.zip(offset, +), units: units)
    }

    /// Whether both are the same grid within rounding: a millionth of the voxel size, a thousandth of a voxel.
    func agrees(with other: COSEMTransform) -> Bool {
        scale.zip(other.scale) { abs($0 - $1) <= 1e-6 * $1 }.allSatisfy { $0 }
            && translation.zip(other.translation) { abs($0 - $1) }
                .zip(scale) { $0 <= 1e-3 * $1 }.allSatisfy { $0 }
    }
}
