import Crypto
import Elements
import Testing

@testable import Stores

@Suite struct BodyDigestsTests {
    /// However many come at a time, everybody gets the digest of its own body.
    @Test(arguments: [1, 2, 3, 8, 9, 100], [(1, 0), (3, .max), (3, 0), (3, 150), (.max, 0)])
    func everyBodyHasItsDigest(count: Int, least: (lanes: Int, patientBytes: Int)) async {
        let digests = BodyDigests(leastLanes: least.lanes, leastPatientBytes: least.patientBytes)
        let bodies = (0..<count).map { number in
            (0..<(number * 37 % 300)).map { UInt8(truncatingIfNeeded: $0 * 7 + number) }
        }
        await withTaskGroup(of: (Int, [UInt8]).self) { group in
            for (number, body) in bodies.enumerated() {
                group.addTask { (number, await digests.digest(of: ByteBuffer(body))) }
            }
            for await (number, digest) in group {
                #expect(digest == Array(Insecure.MD5.hash(data: bodies[number])), "body \(number)")
            }
        }
    }
}
