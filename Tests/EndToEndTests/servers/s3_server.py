#!/usr/bin/env python3
"""An S3 server over a folder, with faults on demand. Standard library only, path style, read only, anonymous.

    s3_server.py --root DIR [--port 0] [--page-size 1000] [--log FILE]
                 [--fail-503 P] [--short P] [--reset P] [--seed N] [--always-500 SUBSTRING] [--latency-ms N]
                 [--hold FILE] [--no-head] [--no-etag]

DIR holds <bucket>/<key> files. The first line on stdout is the port. Faults hit objects and listings alike; P is a
probability. While the file of `--hold` exists, no chunk is answered. Each request is one line in the log, fields separated by tabs:

    time  method  bucket/key or list:bucket/prefix  status  bytes sent  complete|short|reset|broken
"""

import argparse
import base64
import hashlib
import os
import random
import socket
import socketserver
import struct
import sys
import threading
import time
from email.utils import formatdate
from http.server import ThreadingHTTPServer
from urllib.parse import parse_qsl, quote_plus, unquote
from xml.sax.saxutils import escape

REASONS = {200: "OK", 206: "Partial Content", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
           405: "Method Not Allowed", 416: "Range Not Satisfiable", 500: "Internal Server Error",
           503: "Service Unavailable"}
XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


class Answer:
    def __init__(self, status, body=b"", headers=(), content_type="binary/octet-stream"):
        self.status = status
        self.body = body
        self.headers = [("Content-Type", content_type), *headers]


def error(status, code, message, **fields):
    extra = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    body = f"{XML_HEAD}<Error><Code>{code}</Code><Message>{escape(message)}</Message>{extra}</Error>"
    return Answer(status, body.encode(), content_type="application/xml")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, options):
        super().__init__((options.host, options.port), Handler)
        self.options = options
        self.root = os.path.realpath(options.root)
        self.random = random.Random(options.seed)
        self.random_lock = threading.Lock()
        self.digests = {}
        self.log = os.open(options.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) if options.log else None

    def server_bind(self):
        # HTTPServer asks the DNS for its own name here, which nobody needs.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def write_log(self, method, what, status, sent, outcome):
        if self.log is not None:
            what = what.replace("\t", "%09").replace("\n", "%0A")
            os.write(self.log, f"{time.time():.6f}\t{method}\t{what}\t{status}\t{sent}\t{outcome}\n".encode())

    def fault(self):
        """None, or the name of what goes wrong with this request."""
        options = self.options
        if not (options.fail_503 or options.short or options.reset):
            return None
        with self.random_lock:
            dice = self.random.random()
        for name, probability in (("503", options.fail_503), ("short", options.short), ("reset", options.reset)):
            if dice < probability:
                return name
            dice -= probability
        return None

    # Objects

    def path(self, bucket, key):
        """The file of a key, or None where no file can have that name."""
        parts = [bucket, *key.split("/")]
        if any(part in ("", ".", "..") or "\0" in part for part in parts):
            return None
        return os.path.join(self.root, *parts)

    def digest(self, path, status, body):
        stamp = (status.st_mtime_ns, status.st_size)
        known = self.digests.get(path)
        if known is None or known[0] != stamp:
            known = (stamp, hashlib.md5(body).hexdigest())
            self.digests[path] = known
        return known[1]

    def get_object(self, bucket, key, byte_range):
        path = self.path(bucket, key)
        try:
            if path is None or os.path.isdir(path):
                raise FileNotFoundError(path)
            with open(path, "rb", buffering=0) as file:
                status = os.fstat(file.fileno())
                body = file.readall()
        except (FileNotFoundError, NotADirectoryError, OSError):
            return error(404, "NoSuchKey", "The specified key does not exist.", Key=key)
        headers = [("Last-Modified", formatdate(int(status.st_mtime), usegmt=True)), ("Accept-Ranges", "bytes")]
        if not self.options.no_etag:
            headers.append(("ETag", f'"{self.digest(path, status, body)}"'))
        if byte_range is None:
            return Answer(200, body, headers)
        total = len(body)
        first, _, last = byte_range.partition("-")
        if first:
            start, stop = int(first), min(total, int(last) + 1 if last else total)
        else:
            start, stop = max(0, total - int(last)), total
        if start >= total or start >= stop:
            return error(416, "InvalidRange", "The requested range is not satisfiable")
        headers.append(("Content-Range", f"bytes {start}-{stop - 1}/{total}"))
        return Answer(206, body[start:stop], headers)

    # Listings

    def names(self, bucket, prefix, delimiter):
        """Sorted (name, size, path); common prefixes have neither size nor path."""
        top = os.path.join(self.root, bucket)
        folder, _, start = prefix.rpartition("/")
        parts = folder.split("/") if folder else []
        if any(part in ("", ".", "..") for part in parts):
            return []
        base = f"{folder}/" if folder else ""
        found = []
        try:
            with os.scandir(os.path.join(top, *parts)) as entries:
                for entry in entries:
                    if not entry.name.startswith(start):
                        continue
                    if not entry.is_dir():
                        found.append((base + entry.name, entry.stat().st_size, entry.path))
                    elif delimiter == "/":
                        found.append((f"{base}{entry.name}/", None, None))
                    else:
                        for directory, _, files in os.walk(entry.path):
                            inside = os.path.relpath(directory, top).replace(os.sep, "/")
                            for name in files:
                                path = os.path.join(directory, name)
                                found.append((f"{inside}/{name}", os.path.getsize(path), path))
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(found, key=lambda item: item[0].encode("utf-8", "surrogateescape"))

    def list_objects(self, bucket, query):
        if not os.path.isdir(os.path.join(self.root, bucket)):
            return error(404, "NoSuchBucket", "The specified bucket does not exist", BucketName=bucket)
        if query.get("list-type") != "2":
            return error(400, "InvalidArgument", "only ListObjectsV2 is here")
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        if delimiter not in ("", "/"):
            return error(400, "InvalidArgument", "only the delimiter / is here")
        encode = (lambda text: quote_plus(text, safe="/")) if query.get("encoding-type") == "url" else escape
        size = max(1, min(int(query.get("max-keys", 1000)), self.options.page_size))
        after = query.get("start-after", "")
        token = query.get("continuation-token")
        if token is not None:
            try:
                after = base64.urlsafe_b64decode(token).decode("utf-8", "surrogateescape")
            except ValueError:
                return error(400, "InvalidArgument", "The continuation token provided is incorrect")
        rest = self.names(bucket, prefix, delimiter)
        if after:
            mark = after.encode("utf-8", "surrogateescape")
            rest = [item for item in rest if item[0].encode("utf-8", "surrogateescape") > mark]
        page, is_truncated = rest[:size], len(rest) > size
        out = [XML_HEAD, f'<ListBucketResult xmlns="{NAMESPACE}"><Name>{escape(bucket)}</Name>',
               f"<Prefix>{encode(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount><MaxKeys>{size}</MaxKeys>"]
        if delimiter:
            out.append("<Delimiter>/</Delimiter>")
        if query.get("encoding-type") == "url":
            out.append("<EncodingType>url</EncodingType>")
        out.append(f"<IsTruncated>{str(is_truncated).lower()}</IsTruncated>")
        if is_truncated:
            name = page[-1][0].encode("utf-8", "surrogateescape")
            out.append(f"<NextContinuationToken>{base64.urlsafe_b64encode(name).decode()}</NextContinuationToken>")
        for name, length, path in page:
            if path is None:
                continue
            with open(path, "rb", buffering=0) as file:
                status = os.fstat(file.fileno())
                known = self.digests.get(path)
                body = b"" if known and known[0] == (status.st_mtime_ns, status.st_size) else file.readall()
            etag = self.digest(path, status, body)
            date = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(status.st_mtime))
            out.append(f"<Contents><Key>{encode(name)}</Key><LastModified>{date}</LastModified>"
                       f"<ETag>&quot;{etag}&quot;</ETag><Size>{length}</Size>"
                       "<StorageClass>STANDARD</StorageClass></Contents>")
        for name, _, path in page:
            if path is None:
                out.append(f"<CommonPrefixes><Prefix>{encode(name)}</Prefix></CommonPrefixes>")
        out.append("</ListBucketResult>")
        return Answer(200, "".join(out).encode("utf-8", "surrogateescape"), content_type="application/xml")


class Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    rbufsize = 1 << 16

    def handle(self):
        try:
            while self.one_request():
                pass
        except OSError:
            pass

    def one_request(self):
        """Answers one request; False when the connection is to be closed. Headers are read by hand, for speed."""
        line = self.rfile.readline(65536)
        words = line.split()
        if len(words) != 3:
            return False
        method, target, version = (word.decode("latin-1") for word in words)
        byte_range, keep = None, version == "HTTP/1.1"
        while True:
            header = self.rfile.readline(65536)
            if header in (b"\r\n", b"\n", b""):
                break
            name, _, value = header.partition(b":")
            name = name.lower()
            if name == b"range" and value.strip().startswith(b"bytes="):
                byte_range = value.strip()[6:].decode("latin-1")
            elif name == b"connection":
                keep = value.strip().lower() != b"close"

        raw_path, _, raw_query = target.partition("?")
        path = unquote(raw_path, errors="surrogateescape").lstrip("/")
        bucket, _, key = path.partition("/")
        query = dict(parse_qsl(raw_query, keep_blank_values=True)) if raw_query else {}
        what = f"list:{bucket}/{query.get('prefix', '')}" if not key else path

        server, options = self.server, self.server.options
        if options.latency_ms:
            time.sleep(options.latency_ms / 1000)
        if options.hold and key and key[-1].isdigit():
            while os.path.exists(options.hold):
                time.sleep(0.05)
        fault = server.fault()
        if options.always_500 and options.always_500 in what:
            answer, fault = error(500, "InternalError", "We encountered an internal error. Please try again."), None
        elif fault == "503":
            answer, fault = error(503, "SlowDown", "Please reduce your request rate."), None
        elif method not in ("GET", "HEAD") or (method == "HEAD" and options.no_head):
            answer = error(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
        elif not bucket or bucket in (".", ".."):
            answer = error(403, "AccessDenied", "Access Denied")
        elif not key:
            answer = server.list_objects(bucket, query)
        else:
            answer = server.get_object(bucket, key, byte_range)
        return self.send(method, what, answer, fault) and keep

    def send(self, method, what, answer, fault):
        head = [f"HTTP/1.1 {answer.status} {REASONS[answer.status]}", f"Content-Length: {len(answer.body)}",
                f"Date: {formatdate(usegmt=True)}"]
        head += [f"{name}: {value}" for name, value in answer.headers]
        start = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1", "replace")
        body = b"" if method == "HEAD" else answer.body
        if fault:
            body = body[:len(body) // 2]
        outcome = fault or "complete"
        try:
            self.connection.sendall(start + body)
            if fault == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            outcome = "broken"
        self.server.write_log(method, what, answer.status, len(body), outcome)
        if outcome == "reset":
            # Closing now, without shutdown, is what makes the kernel send RST.
            self.connection.close()
        return outcome == "complete"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--page-size", type=int, default=1000)
    parser.add_argument("--fail-503", type=float, default=0)
    parser.add_argument("--short", type=float, default=0)
    parser.add_argument("--reset", type=float, default=0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--always-500", metavar="SUBSTRING")
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--hold", metavar="FILE")
    parser.add_argument("--no-head", action="store_true", help="HEAD is not known")
    parser.add_argument("--no-etag", action="store_true", help="objects have no ETag; listings do")
    parser.add_argument("--log")
    server = Server(parser.parse_args())
    print(server.server_address[1], flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
