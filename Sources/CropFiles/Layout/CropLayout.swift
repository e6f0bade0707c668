internal import Elements
public import HDF5

/// The names of the datasets in a crop file (DESIGN, section 5). Each has a second one, which most loaders of the field look for.
public enum CropLayout {
    public static let raw = "/raw_crop"
    private static let labels = "label_crop"

    /// The second name of a dataset; nil for what is no part of the layout.
    static func alias(of path: String) -> String? {
        if path == raw { return "/raw" }
        let names = path.pathComponents()
        return names.count == 2 && names[0].hasSameBytes(as: labels) ? "/labels/\(names[1])" : nil
    }
}

extension HDF5Writer {
    /// Gives the datasets at `paths` their second names, where nothing else has these.
    public func linkAliases(of paths: [String]) throws(HDF5Error) {
        for path in paths {
            if let alias = CropLayout.alias(of: path) { try link(alias, to: path) }
        }
    }
}
