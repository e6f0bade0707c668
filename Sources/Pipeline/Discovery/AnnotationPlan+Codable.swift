internal import Volumes

/// By hand, because encoders have no numbers of 128 bits: a value is written as the number it is, up to 2^64 - 1.
extension AnnotationPlan {
    private enum CodingKeys: String, CodingKey {
        case type, absent, present, unknown
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func value(_ key: CodingKeys) throws -> LabelValue? {
            guard try values.contains(key) && !values.decodeNil(forKey: key) else { return nil }
            if let number = try? values.decode(Int64.self, forKey: key) { return LabelValue(number) }
            return LabelValue(try values.decode(UInt64.self, forKey: key))
        }
        self.init(
            type: try values.decode(String.self, forKey: .type), absent: try value(.absent),
            present: try value(.present), unknown: try value(.unknown))
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(type, forKey: .type)
        for (key, value) in [(CodingKeys.absent, absent), (.present, present), (.unknown, unknown)] {
            guard let value else { continue }
            if let number = Int64(exactly: value) {
                try values.encode(number, forKey: key)
            } else if let number = UInt64(exactly: value) {
                try values.encode(number, forKey: key)
            }
        }
    }
}
