internal import Elements

/// What proves that an object is not stored. Nothing else does: a proxy, a wrong endpoint and a missing bucket answer 404, too.
enum AbsenceProof {
    /// An S3 server sends an error code. Some servers send no body: then a header must show that the answer is an S3 server's.
    static func isGiven(byS3 response: HTTPResponse) -> Bool {
        guard response.status == 404 else { return false }
        if response.body.count == 0 { return response.headers["x-amz-request-id"] != nil }
        return S3ErrorBody(response.body)?.isMissingObject ?? false
    }

    /// The answer to HEAD has no body with an error code. An HTML page does not come from an S3 server.
    static func isGiven(byS3Head response: HTTPResponse) -> Bool {
        response.status == 404 && response.headers["content-type"]?.lowercased().hasPrefix("text/html") != true
    }

    /// A plain web server proves it by its status at the address that was asked for. After a redirect, the status proves nothing.
    static func isGiven(byHTTP response: HTTPResponse, isRedirected: Bool) -> Bool {
        switch response.status {
        // An S3 server that is used as a web server may mean that the bucket is missing.
        case 404: !isRedirected && S3ErrorBody(response.body)?.isMissingObject ?? true
        case 410: !isRedirected
        default: false
        }
    }
}
