import Foundation
import Testing

extension EndToEnd {
    /// `cristae stat`, `cristae resize` and `cristae convert` on HDF5 files that others made, against numpy.
    @Suite struct ToolsTests {
        /// The cases of `crop_tools.py`; it prints a line for each thing it has found right.
        @Test(arguments: ["statistics", "resize", "folder", "refusals", "compression", "hdf5"])
        func filesOfOthersAreUnderstood(_ part: String) async throws {
            let folder = try Harness.newFolder("tools")
            let output = try await Harness.script(
                "crop_tools.py", [try Harness.binary().path, folder.path, part], atMost: 300)
            #expect(output.split(separator: "\n").contains { $0.hasPrefix("ok ") }, "\(output)")
        }
    }
}
