"""A caller of the demo, with requests: the tools behind the proxy and the shop's API, for some rounds.

Arguments: address of the proxy, rounds. Prints the number of calls made."""

import sys

import requests

proxy, rounds = sys.argv[1], int(sys.argv[2])
session = requests.Session()
session.headers["Host"] = "tools.shop.test"
calls = 0


def call(method, path, **options):
    global calls
    session.request(method, f"http://{proxy}{path}", timeout=10, allow_redirects=False, **options)
    calls += 1


for number in range(rounds):
    call("GET", "/get", params={"page": number, "sort": "name"})
    call("POST", "/post", json={"order": {"id": number, "lines": [{"sku": "a-1", "count": 2}]}, "gift": False})
    call("POST", "/post", data={"username": "ada", "password": "hunter2", "remember": "on"})
    call("POST", "/post", files={"upload": ("notes.txt", b"hello", "text/plain")}, data={"title": "notes"})
    call("PUT", "/put", json=[{"name": "ada", "age": 36 + number}])
    call("PATCH", "/patch", json={"email": f"ada{number}@example.test"})
    call("DELETE", "/delete")
    call("GET", "/basic-auth/ada/secret", auth=("ada", "secret"))
    call("GET", "/basic-auth/ada/secret", auth=("ada", "wrong"))
    call("GET", "/bearer", headers={"Authorization": f"Bearer token-{number}"})
    call("GET", "/cookies", cookies={"session": f"s-{number}", "theme": "dark"})
    call("GET", "/cookies/set", params={"basket": number})
    call("GET", "/gzip")
    call("GET", "/deflate")
    call("GET", "/brotli")
    call("GET", "/stream/3")
    call("GET", "/json")
    call("GET", "/uuid")
    call("GET", f"/status/{(418, 503, 404, 302)[number % 4]}")
    call("GET", f"/anything/reports/{number}", headers={"X-Api-Key": "k-123"})
    call("HEAD", "/get")
    call("OPTIONS", "/anything")
print(calls)
