/// Why a crop file cannot be used, in one line.
struct CropFileError: Error, Sendable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
