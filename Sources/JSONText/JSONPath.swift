internal import Elements

/// The place of a value in a document, such as `$.limits.memory` or `$.datasets[2]`.
public struct JSONPath: Sendable, Hashable {
    enum Step: Sendable, Hashable, Comparable {
        case index(Int)
        case key(String)
    }

    /// `$`, or the name of what gave the value instead, such as a flag.
    let root: String
    private let steps: [Step]

    /// The whole document.
    public static let document = JSONPath(root: "$")

    public init(root: String) { self.init(root: root, steps: []) }

    init(root: String, steps: [Step]) {
        self.root = root
        self.steps = steps
    }

    public func key(_ name: String) -> JSONPath { JSONPath(root: root, steps: steps + [.key(name)]) }

    public func index(_ index: Int) -> JSONPath { JSONPath(root: root, steps: steps + [.index(index)]) }

    /// Whether the place is in the document.
    public var isInDocument: Bool { root == JSONPath.document.root }
}

extension JSONPath: Comparable {
    /// By name, an outer value before what is in it, and elements by number: `[2]` comes before `[10]`.
    public static func < (left: JSONPath, right: JSONPath) -> Bool {
        left.root == right.root ? left.steps.lexicographicallyPrecedes(right.steps) : left.root < right.root
    }
}

extension JSONPath: CustomStringConvertible {
    /// RFC 9535: `.name` where the name is a plain one, `["name"]` elsewhere, control characters escaped.
    public var description: String {
        steps.reduce(into: root) { text, step in
            switch step {
            case .index(let index): text += "[\(index)]"
            case .key(let name) where JSONPath.isPlain(name): text += ".\(name)"
            case .key(let name): text += "[\(QuotedText(name))]"
            }
        }
    }

    private static func isPlain(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return name.utf8.count <= QuotedText.limit
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}
