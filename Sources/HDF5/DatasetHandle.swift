/// Names a dataset of one open writer or reader. It is worthless elsewhere, and after the file has been closed.
public struct DatasetHandle: Sendable, Hashable {
    let file: Int
    let index: Int
}
