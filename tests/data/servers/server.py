"""WSGI application of the test API (see README.md), served by gunicorn, which writes the access log."""

from urllib.parse import parse_qs


def json_of(size):
    if size == 0:
        return b""
    return b'{"name":"' + b"x" * (size - 11) + b'"}'


def drain(environ):
    received = 0
    while chunk := environ["wsgi.input"].read(65536):
        received += len(chunk)
    return received


def application(environ, start_response):
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    received = drain(environ)
    if path == "/api/v1/archive":
        status, body = "404 Not Found", b'{"error":"archive"}'
    elif path == "/api/v1/failure":
        status, body = "500 Internal Server Error", b'{"error":"failure"}'
    elif method in ("GET", "HEAD"):
        size = int(parse_qs(environ.get("QUERY_STRING", "")).get("size", ["64"])[0])
        status, body = "200 OK", json_of(size)
    elif method == "DELETE":
        start_response("204 No Content", [])
        return []
    else:
        status = "201 Created" if method == "POST" else "200 OK"
        body = b'{"received":%d}' % received
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [b"" if method == "HEAD" else body]
