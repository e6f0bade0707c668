internal import CHDF5

/// The library's messages about the last call that failed on this thread, from the cause outwards.
struct ErrorStack {
    private(set) var messages: [String] = []

    init() {
        withUnsafeMutablePointer(to: &messages) { list in
            let status = H5Ewalk2(
                hid_t(H5E_DEFAULT), H5E_WALK_UPWARD,
                { _, entry, list in
                    guard let text = entry?.pointee.desc, let list else { return 0 }
                    list.assumingMemoryBound(to: [String].self).pointee.append(String(cString: text))
                    return 0
                }, list)
            if status < 0 { list.pointee.append("the library gives no reason") }
        }
    }

    /// The outermost message and the cause in one line of at most 400 characters.
    var summary: String {
        // For a missing filter, the first message only says where its plugin was searched.
        let filter = messages.first { $0.hasPrefix("required filter") }
        guard let cause = filter ?? messages.first, let outermost = messages.last else {
            return "the library gives no reason"
        }
        let text = cause == outermost ? cause : "\(outermost): \(cause)"
        let line = text.map { $0.isNewline || $0 == "\t" ? " " : $0 }
        return String(line.prefix(400))
    }
}
