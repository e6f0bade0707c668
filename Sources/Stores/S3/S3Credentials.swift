/// AWS keys from the environment. They have no description, so that no message can hold them.
struct S3Credentials: Sendable, CustomStringConvertible, CustomReflectable {
    let accessKeyID: String
    let secretAccessKey: String
    let sessionToken: String?

    init(accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
    }

    /// - Throws: ``StoreError/Code/noCredentials`` where a variable is missing, empty or not a header's text.
    init(environment: [String: String], url: StoreURL) throws(StoreError) {
        func value(_ name: String) throws(StoreError) -> String? {
            guard let text = environment[name], !text.isEmpty else { return nil }
            guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw StoreError(
                    .noCredentials, url: url.description,
                    message: "\(name) holds blanks or control characters; is there a line break at its end?")
            }
            return text
        }
        guard let accessKeyID = try value("AWS_ACCESS_KEY_ID"), let secret = try value("AWS_SECRET_ACCESS_KEY") else {
            throw StoreError(
                .noCredentials, url: url.description,
                message: "\"anonymous\" is false, but AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
        }
        self.init(accessKeyID: accessKeyID, secretAccessKey: secret, sessionToken: try value("AWS_SESSION_TOKEN"))
    }

    var description: String { "S3Credentials" }
    var customMirror: Mirror { Mirror(self, children: []) }
}
