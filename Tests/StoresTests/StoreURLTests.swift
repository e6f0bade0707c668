import Testing

@testable import Stores

@Suite struct StoreURLTests {
    @Test(arguments: [
        ("s3://janelia-cosem-datasets", "s3", "janelia-cosem-datasets", "", "s3://janelia-cosem-datasets"),
        ("s3://bucket/a/b/", "s3", "bucket", "a/b", "s3://bucket/a/b"),
        ("s3://bucket/a b+c%20", "s3", "bucket", "a b+c%20", "s3://bucket/a b+c%20"),
        ("https://Example.org:443/a%20b/", "https", "", "a b", "https://example.org/a%20b"),
        ("http://127.0.0.1:8000", "http", "", "", "http://127.0.0.1:8000/"),
        ("http://[::1]:80/x", "http", "", "x", "http://[::1]/x"),
        ("https://bucket.s3.amazonaws.com/p", "s3", "bucket", "p", "s3://bucket/p"),
        ("https://bu.cket.s3.eu-west-1.amazonaws.com", "s3", "bu.cket", "", "s3://bu.cket"),
        ("https://s3-us-west-2.amazonaws.com/bucket/p/q", "s3", "bucket", "p/q", "s3://bucket/p/q"),
        ("file:///data//my%20set/./x/", "file", "", "data/my set/x", "file:///data/my set/x"),
        ("sample:", "sample", "", "", "sample:"),
    ])
    func parses(text: String, scheme: String, bucket: String, prefix: String, description: String) throws {
        let url = try StoreURL(text)
        #expect(url.scheme.rawValue == scheme)
        #expect(url.bucket == bucket)
        #expect(url.prefix == prefix)
        #expect(url.description == description)
    }

    @Test(arguments: [
        "/data/set", "set", "", "ftp://host/x", "s3:/bucket", "s3://", "s3:///key", "s3://bu cket/x", "s3://b/../x",
        "s3://b//x", "s3://b/x\n", "https://", "https://host:0/", "https://host:99999/", "https://ho st/",
        "http://host/a/%2e%2e/b", "http://host/%zz", "http://host/%ff", "http://host/a%0Ab", "http://host/x?y=1",
        "http://host/x#y", "https://s3.amazonaws.com/", "file://host/data", "file:data", "s3://user@bucket/x",
    ])
    func refuses(text: String) {
        #expect(throws: StoreError.self) { try StoreURL(text) }
    }

    @Test(arguments: [
        "https://user:secret@host/x", "https://host/x?X-Amz-Signature=secret", "http://a@secret@host/",
        "s3://k:secret@b/x",
    ])
    func keepsSecretsOutOfErrors(text: String) throws {
        let error = #expect(throws: StoreError.self) { try StoreURL(text) }
        #expect(error?.code == .badURL)
        #expect(error?.description.contains("secret") == false)
    }

    @Test func namesKeys() throws {
        #expect(try StoreURL("s3://b/p").url(of: "a b/0") == "s3://b/p/a b/0")
        #expect(try StoreURL("s3://b").url(of: "k") == "s3://b/k")
        #expect(try StoreURL("https://h/p").url(of: "a b/é") == "https://h/p/a%20b/%C3%A9")
        #expect(try StoreURL("file:///d").url(of: "k") == "file:///d/k")
        #expect(StoreURL.sample.url(of: "k") == "sample:k")
    }

    @Test func readsAWSHosts() {
        #expect(AWSHost("b.s3.dualstack.us-west-2.amazonaws.com")?.region == "us-west-2")
        #expect(AWSHost("b.s3.cn-north-1.amazonaws.com.cn")?.bucket == "b")
        #expect(AWSHost("s3-external-1.amazonaws.com")?.region == "us-east-1")
        for host in [
            "s3.amazonaws.com.evil.org", "b.s3-website-us-east-1.amazonaws.com", "ec2.amazonaws.com", "amazonaws.com",
            "b.s3-accelerate.amazonaws.com", ".s3.amazonaws.com",
        ] {
            #expect(AWSHost(host) == nil, "\(host)")
        }
    }
}

@Suite struct ObjectKeyTests {
    @Test(arguments: [
        "", "/a", "a/", "a//b", "..", "a/../b", "./a", "a/.", "a\0b", "a\nb", String(repeating: "x", count: 1025),
    ])
    func refusesKeys(key: String) throws {
        let url = try StoreURL("s3://b")
        let error = #expect(throws: StoreError.self) { try ObjectKey.check(key, in: url) }
        #expect(error?.code == .badKey)
        #expect(error?.description.contains("\n") == false)
    }

    @Test(arguments: ["a", ".zattrs", "a b/c+d=e/é", "...", "s0/0/0/0", "a\\b"])
    func acceptsKeys(key: String) throws {
        try ObjectKey.check(key, in: StoreURL("s3://b"))
    }

    @Test(arguments: [
        ("a b+c=d/é~-._", "a%20b%2Bc%3Dd/%C3%A9~-._"), ("%&?#", "%25%26%3F%23"), ("日本", "%E6%97%A5%E6%9C%AC"),
    ])
    func encodes(plain: String, encoded: String) {
        #expect(ObjectKey.percentEncode(plain, keepingSlashes: true) == encoded)
        #expect(ObjectKey.percentDecode(encoded, plusIsSpace: false) == plain)
    }

    @Test func decodesForms() {
        #expect(ObjectKey.percentDecode("a+b%2Bc", plusIsSpace: true) == "a b+c")
        #expect(ObjectKey.percentDecode("a+b", plusIsSpace: false) == "a+b")
        for text in ["%", "%2", "%g0", "%ff"] { #expect(ObjectKey.percentDecode(text, plusIsSpace: true) == nil) }
    }
}
