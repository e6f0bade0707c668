internal import Elements

/// What proves that an object is not stored. Nothing else does: a proxy, a wrong endpoint and a missing bucket answer 404, too.
enum AbsenceProof {
    /// An S3 server says so by a code of its own. An answer without a body, as some servers give, must at least be of an S3 server.
    static func isGiven(byS3 response: HTTPResponse) -> Bool {
        guard response.status == 404 else { return false }
        if response.body.count == 0 { return response.headers["x-amz-request-id"] != nil }
        return S3ErrorBody(response.body)?.isMissingObject ?? false
    }

    /// The answer to HEAD has no body that could say more. A page for people is of something else than an S3 server.
    static func isGiven(byS3Head response: HTTPResponse) -> Bool {
        response.status == 404 && response.headers["content-type"]?.lowercased().hasPrefix("text/html") != true
    }

    /// A plain web server says so by its status, at the address that was asked for: where a redirect leads to, other rules may hold.
    static func isGiven(byHTTP response: HTTPResponse, isRedirected: Bool) -> Bool {
        switch response.status {
        // An S3 server that is asked like a web server may miss the bucket.
        case 404: !isRedirected && S3ErrorBody(response.body)?.isMissingObject ?? true
        case 410: !isRedirected
        default: false
        }
    }
}
