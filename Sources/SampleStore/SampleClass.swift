/// A label class that ground-truth crops of the sample may have.
enum SampleClass: String, Sendable {
    case mito, mitoMembrane = "mito_mem", reticulum = "er", all
    /// `mito` without a single object, where nobody has annotated it apart from `all`.
    case emptyMito
    /// Of a crop that lies in a nucleus as a whole.
    case nucleus = "nuc"

    /// The name of the group.
    var name: String { self == .emptyMito ? "mito" : rawValue }

    var isInstance: Bool { name == "mito" || self == .nucleus }

    /// The value of each ``SampleMaterial``, in its order; `all` holds the public class ids.
    var values: [UInt16] {
        SampleMaterial.allCases.map { material in
            switch self {
            case .mito, .emptyMito: 0
            case .nucleus: 1
            case .mitoMembrane: material == .mitochondrialMembrane ? 1 : 0
            case .reticulum: material == .reticulumMembrane || material == .reticulumLumen ? 1 : 0
            case .all: Self.classIdentifier(material)
            }
        }
    }

    /// The id of a material's class in the public table: mito_mem 3, mito_lum 4, mito_ribo 5, ves_mem 8, ves_lum 9,
    /// er_mem 16, er_lum 17, cyto 35.
    private static func classIdentifier(_ material: SampleMaterial) -> UInt16 {
        switch material {
        case .cytosol, .gap: 35
        case .mitochondrialMembrane: 3
        case .mitochondrialMatrix: 4
        case .mitochondrialRibosome: 5
        case .reticulumMembrane: 16
        case .reticulumLumen: 17
        case .vesicleMembrane: 8
        case .vesicleLumen: 9
        }
    }

    func labelling(of crop: SampleCrop) -> SampleLabelling {
        var labelling = SampleLabelling(values: values)
        if self == .mito { labelling.instances = crop.mitochondria }
        if self == .all { labelling.grouped = crop.grouped }
        // `all` has no value for unknown: 0 is what it leaves open.
        if self != .all { labelling.unknownCorner = crop.unknownCorner }
        return labelling
    }
}
