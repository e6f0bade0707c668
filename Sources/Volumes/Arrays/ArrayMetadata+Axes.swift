extension ArrayMetadata {
    /// The same array with its axes in the opposite order: of one that was stored as x, y, z its z, y, x.
    ///
    /// Shape, chunks, their keys and the order of the elements are turned round; shards can be read in parts as before.
    public var withReversedAxes: ArrayMetadata {
        ArrayMetadata(
            format: format, shape: shape.reversed(), chunkShape: chunkShape.reversed(), elementType: elementType,
            fillValue: fillValue, fillIsUndefined: fillIsUndefined,
            chunkKeys: ChunkKeyEncoding(
                prefix: chunkKeys.prefix, separator: chunkKeys.separator, isReversed: !chunkKeys.isReversed),
            codecs: codecs.afterReversal(ofAxes: rank))
    }
}

extension CodecChain {
    /// The chain behind a stage that turns the order of the axes round. Two changes of the order are one, or none.
    fileprivate func afterReversal(ofAxes rank: Int) -> CodecChain {
        var order = Array((0..<rank).reversed())
        var stages = arrayToArray[...]
        while case .transpose(let next)? = stages.first {
            order = next.map { order[$0] }
            stages = stages.dropFirst()
        }
        let first: [ArrayStage] = order.elementsEqual(0..<rank) ? [] : [.transpose(order: order)]
        return CodecChain(
            arrayToArray: first + stages, arrayToBytes: arrayToBytes, bytesToBytes: bytesToBytes)
    }
}
