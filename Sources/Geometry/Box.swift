/// A box of voxels: `start` inclusive, `stop` exclusive, z, y, x, in voxels of the level it belongs to.
public struct Box: Sendable, Hashable, Codable {
    public var start: ZYX<Int>
    public var stop: ZYX<Int>

    /// `stop` must not lie before `start` on any axis.
    public init(start: ZYX<Int>, stop: ZYX<Int>) {
        precondition(start.zip(stop, <=).allSatisfy { $0 }, "a box from \(start) to \(stop)")
        self.start = start
        self.stop = stop
    }

    /// The box of a whole array.
    public init(shape: ZYX<Int>) { self.init(start: ZYX(repeating: 0), stop: shape) }

    public var shape: ZYX<Int> { stop.zip(start, -) }
    public var isEmpty: Bool { !shape.allSatisfy { $0 > 0 } }
    /// Voxels in the box.
    public var volume: Int { shape.product }

    /// The voxels in both boxes; nil where there are none.
    public func intersection(_ other: Box) -> Box? {
        let low = start.zip(other.start, max)
        let high = stop.zip(other.stop, min)
        guard low.zip(high, <).allSatisfy({ $0 }) else { return nil }
        return Box(start: low, stop: high)
    }

    public func contains(_ other: Box) -> Bool {
        start.zip(other.start, <=).allSatisfy { $0 } && other.stop.zip(stop, <=).allSatisfy { $0 }
    }

    public func moved(by offset: ZYX<Int>) -> Box { Box(start: start.zip(offset, +), stop: stop.zip(offset, +)) }

    /// The range of one axis.
    public func range(_ axis: Int) -> Range<Int> { start[axis]..<stop[axis] }

    /// The indices of the blocks of a regular grid (first block at voxel 0) that the box touches.
    /// The box must not be empty and must not reach below 0.
    public func blocks(of blockShape: ZYX<Int>) -> Box {
        Box(
            start: start.zip(blockShape, /),
            stop: stop.zip(blockShape) { ($0 + $1 - 1) / $1 })
    }

    /// All positions in the box in scan order: z slowest, x fastest.
    public func forEachIndex<E: Error>(_ body: (ZYX<Int>) throws(E) -> Void) throws(E) {
        for z in start.z..<stop.z {
            for y in start.y..<stop.y {
                for x in start.x..<stop.x { try body(ZYX(z, y, x)) }
            }
        }
    }

    /// The position in the box that comes `offset`-th in scan order.
    public func index(at offset: Int) -> ZYX<Int> {
        let shape = shape
        return ZYX(
            start.z + offset / (shape.y * shape.x),
            start.y + offset / shape.x % shape.y,
            start.x + offset % shape.x)
    }
}

extension Box: CustomStringConvertible {
    public var description: String {
        "[\(start.z):\(stop.z), \(start.y):\(stop.y), \(start.x):\(stop.x)]"
    }
}
