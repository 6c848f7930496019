"""WSGI application that answers as the JSON file in $TABLE says: a list of {host, method, path, status,
headers, body}. A request with an Authorization header is answered by the entry that has `authorized`
true, if there is one."""

import json
import os

with open(os.environ["TABLE"], encoding="utf-8") as table:
    ANSWERS = {
        (entry["host"], entry["method"], entry["path"], entry["authorized"]): entry for entry in json.load(table)
    }


def application(environ, start_response):
    while environ["wsgi.input"].read(65536):
        pass
    authorized = "HTTP_AUTHORIZATION" in environ
    key = (environ["HTTP_HOST"], environ["REQUEST_METHOD"], environ["PATH_INFO"])
    entry = ANSWERS.get((*key, authorized)) or ANSWERS.get((*key, not authorized))
    if entry is None:
        start_response("404 Not Found", [("Content-Type", "application/json")])
        return [b'{"error":"not found"}']
    body = entry["body"].encode()
    headers = [(name, value) for name, value in entry["headers"]]
    if body:
        headers.append(("Content-Type", "application/json"))
    headers.append(("Content-Length", str(len(body))))
    start_response("%d Answer" % entry["status"], headers)
    return [body]
