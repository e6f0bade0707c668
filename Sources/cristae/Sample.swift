import ArgumentParser
import Arrays
import Elements
import Foundation
import Ledger
import SampleStore
import Stores
import Threads

/// `cristae sample DIR`: the built-in bucket as files.
struct Sample: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write the built-in sample bucket as files, e.g. to serve it, or to open it with other tools.")

    @Argument(help: "The folder to write to; it is made where it is missing.")
    var folder: String

    func run() async throws {
        try await Ending.of {
            let folder = folder
            let count = try await ThreadPool.compute.run { () throws -> Int in
                let target: ConfinedFolder
                do throws(LedgerError) {
                    target = try ConfinedFolder(creating: folder)
                } catch {
                    throw JobError.cannotWrite(error.description)
                }
                let bucket = SampleBucket()
                for key in bucket.keys {
                    guard let bytes = bucket.object(key) else { continue }
                    try target.update(bytes.array, to: key)
                }
                return bucket.keys.count
            }
            StandardError.line("\(count) objects in \(folder)")
            return 0
        }
    }
}
