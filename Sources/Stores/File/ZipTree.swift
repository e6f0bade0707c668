internal import Elements
internal import ZipFiles

/// The objects of a ZIP file by key.
struct ZipTree: Sendable {
    /// In the order of their bytes.
    let keys: [ByteName]
    private let entries: [ByteName: ZipDirectory.Entry]

    init(_ directory: ZipDirectory) {
        var entries: [ByteName: ZipDirectory.Entry] = [:]
        // Some files have entries for folders.
        for entry in directory.entries where entry.name.utf8.last != ObjectKey.slash {
            entries[ByteName(entry.name)] = entry
        }
        self.entries = entries
        keys = entries.keys.sorted()
    }

    func entry(_ key: String) -> ZipDirectory.Entry? { entries[ByteName(key)] }

    /// What lies directly below a folder ("" is the root), without a look at what lies deeper.
    func children(of folder: String) -> (folders: [String], objects: [String]) {
        let prefix = folder.isEmpty ? "" : folder + "/"
        var folders: [String] = []
        var objects: [String] = []
        var index = lowerBound(prefix)
        while index < keys.count, let rest = ObjectKey.rest(of: keys[index].text, after: prefix) {
            let (name, isObject) = ObjectKey.firstComponent(of: rest)
            if isObject {
                objects.append(String(name))
                index += 1
            } else {
                folders.append(String(name))
                // "0" is the character after "/".
                index = lowerBound(prefix + name + "0")
            }
        }
        return (folders, objects)
    }

    /// The first key that is not before `text`.
    private func lowerBound(_ text: String) -> Int {
        let wanted = ByteName(text)
        var (low, high) = (0, keys.count)
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < wanted { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
