import Elements
import Testing

@testable import Stores

/// The examples of <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>.
@Suite struct SignatureV4Tests {
    static let credentials = S3Credentials(
        accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    // 2013-05-24T00:00:00Z
    let signature = SignatureV4(credentials: credentials, region: "us-east-1", secondsSince1970: 1_369_353_600)
    let host = "examplebucket.s3.amazonaws.com"

    @Test func signsGetObject() throws {
        let headers = signature.headers(host: host, path: "/test.txt", query: "", others: [("Range", "bytes=0-9")])
        let authorization = try #require(headers.last)
        #expect(authorization.0 == "Authorization")
        #expect(
            authorization.1 == "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
                + "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
                + "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
    }

    @Test(arguments: [
        ("lifecycle=", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("max-keys=2&prefix=J", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ])
    func signsQueries(query: String, expected: String) throws {
        let headers = signature.headers(host: host, path: "/", query: query, others: [])
        #expect(try #require(headers.last).1.hasSuffix("Signature=\(expected)"))
    }

    @Test func signsEncodedKeys() {
        let payload = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
        let path = "/" + ObjectKey.percentEncode("test$file.text", keepingSlashes: true)
        let authorization = signature.authorization(
            method: "PUT", path: path, query: "",
            headers: [
                ("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("Host", host), ("x-amz-date", "20130524T000000Z"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"), ("x-amz-content-sha256", payload),
            ], payload: payload)
        #expect(
            authorization.hasSuffix("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"))
    }

    @Test func sendsTheSessionToken() {
        let credentials = S3Credentials(accessKeyID: "A", secretAccessKey: "B", sessionToken: "T")
        let signature = SignatureV4(credentials: credentials, region: "eu-west-1", secondsSince1970: 0)
        let headers = signature.headers(host: host, path: "/", query: "", others: [])
        #expect(headers.contains { $0 == ("x-amz-security-token", "T") })
        #expect(headers.last?.1.contains("x-amz-date;x-amz-security-token,") == true)
        #expect(signature.timestamp == "19700101T000000Z")
    }

    @Test func credentialsComeFromTheEnvironment() throws {
        let url = try StoreURL("s3://b")
        let environment = ["AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": ""]
        let credentials = try S3Credentials(environment: environment, url: url)
        #expect(credentials.sessionToken == nil)
        #expect(!"\(credentials)".contains("secret"))
        var dumped = ""
        dump(credentials, to: &dumped)
        #expect(!dumped.contains("secret"))
        for broken in [
            [:], ["AWS_ACCESS_KEY_ID": "id"], ["AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret\n"],
        ] {
            let error = #expect(throws: StoreError.self) { try S3Credentials(environment: broken, url: url) }
            #expect(error?.code == .noCredentials)
            #expect(error?.description.contains("secret") == false)
        }
    }
}

@Suite struct S3EndpointTests {
    @Test(arguments: [
        ("bucket", nil, "bucket.s3.amazonaws.com", "/a%20b"),
        ("bucket", "eu-west-1", "bucket.s3.eu-west-1.amazonaws.com", "/a%20b"),
        ("bucket", "cn-north-1", "bucket.s3.cn-north-1.amazonaws.com.cn", "/a%20b"),
        ("bu.cket", nil, "s3.amazonaws.com", "/bu.cket/a%20b"),
        ("Bucket", "us-west-2", "s3.us-west-2.amazonaws.com", "/Bucket/a%20b"),
    ])
    func addressesAWS(bucket: String, region: String?, host: String, path: String) throws {
        let endpoint = try S3Endpoint(bucket: bucket, region: region)
        #expect(endpoint.host.text == host)
        #expect(endpoint.path(bucket: bucket, key: "a b") == path)
        #expect(endpoint.region == region ?? "us-east-1")
    }

    @Test func addressesOtherServers() throws {
        let endpoint = try S3Endpoint(server: "HTTPS://Host:443/base path/x/", region: nil)
        #expect(endpoint.scheme == "https")
        #expect(endpoint.host.text == "host")
        #expect(endpoint.path(bucket: "b", key: "k") == "/base%20path/x/b/k")
        #expect(endpoint.path(bucket: "b", key: "") == "/base%20path/x/b")
        for text in [
            "host:9000", "ftp://host", "http://", "http://u:secret@host", "http://host/?x=secret", "http://h/../x",
        ] {
            let error = #expect(throws: StoreError.self) { try S3Endpoint(server: text, region: nil) }
            #expect(error?.code == .badURL)
            #expect(error?.description.contains("secret") == false)
        }
    }

    private func response(_ status: Int, _ headers: [String: String] = [:], _ body: String = "") -> HTTPResponse {
        HTTPResponse(status: status, headers: headers, body: ByteBuffer(body), redirectURL: nil)
    }

    @Test func followsABucketToItsRegion() throws {
        let global = try S3Endpoint(bucket: "b-1", region: nil)
        let there = try S3Endpoint(bucket: "b-1", region: "us-west-2")
        let answers = [
            response(301, ["x-amz-bucket-region": "us-west-2"]),
            response(
                301, [:],
                "<Error><Code>PermanentRedirect</Code><Endpoint>b-1.s3-us-west-2.amazonaws.com</Endpoint></Error>"),
            response(307, ["location": "https://b-1.s3.us-west-2.amazonaws.com/k"]),
            response(400, [:], "<Error><Code>AuthorizationHeaderMalformed</Code><Region>us-west-2</Region></Error>"),
        ]
        for answer in answers {
            #expect(global.redirected(by: answer, bucket: "b-1", isSigned: true) == there)
        }
        #expect(global.redirected(by: response(200), bucket: "b-1", isSigned: true) == nil)
        let elsewhere = response(301, ["location": "https://evil.org/"])
        #expect(global.redirected(by: elsewhere, bucket: "b-1", isSigned: false) == nil)
        let injected = response(301, ["x-amz-bucket-region": "evil.org/#"])
        #expect(global.redirected(by: injected, bucket: "b-1", isSigned: false) == nil)
    }

    @Test func doesNotCarrySignaturesOrPlainTextElsewhere() throws {
        let server = try S3Endpoint(server: "https://one.org", region: nil)
        let plain = response(301, ["location": "http://one.org/"])
        #expect(server.redirected(by: plain, bucket: "b", isSigned: false) == nil)
        let other = response(307, ["location": "https://two.org/b/k"])
        #expect(server.redirected(by: other, bucket: "b", isSigned: true) == nil)
        #expect(server.redirected(by: other, bucket: "b", isSigned: false)?.host.text == "two.org")
    }
}
