"""Calls all that `protocols.py` serves, by real clients, and checks the answers."""

import asyncio
import http.client
import json

import grpc
from mcp import Client
from websockets.sync.client import connect

from protobuf import fields, text, varint


def call_grpc():
    with grpc.insecure_channel("127.0.0.1:8091") as channel:
        hello = channel.unary_unary("/helloworld.Greeter/SayHello")
        for name in ("Ann", "Bob", "Eve"):
            assert fields(hello(text(1, name), metadata=[("x-request-id", "a1")]))[1] == b"Hello " + name.encode()
        try:
            hello(text(1, "nobody"))
            raise AssertionError("nobody was found")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.NOT_FOUND
        replies = channel.unary_stream("/helloworld.Greeter/ListReplies")
        assert len(list(replies(text(1, "Ann")))) == 5
        collect = channel.stream_unary("/helloworld.Greeter/CollectNames")
        assert fields(collect(iter([text(1, "Ann")] * 4)))[2] == 4
        chat = channel.stream_stream("/helloworld.Greeter/Chat")
        assert len(list(chat(iter([text(1, "Ann") + varint(2, 7)] * 3)))) == 3
        gone = channel.unary_unary("/helloworld.Greeter/Missing")
        try:
            gone(b"")
            raise AssertionError("what is not there answered")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNIMPLEMENTED


def call_websocket():
    with connect("ws://127.0.0.1:8092/ws", compression="deflate") as socket:
        assert json.loads(socket.recv())["status"] == "open"
        for items in ([1], [1, 2], [1, 2, 3]):
            socket.send(json.dumps({"type": "order", "items": items, "customer": {"email": "ann@example.com"}}))
            assert json.loads(socket.recv())["total"] == len(items)
        socket.send(b"\x01\x02\x03")
        assert socket.recv() == b"\x03\x02\x01"


def call_plain():
    connection = http.client.HTTPConnection("127.0.0.1", 8093)

    def ask(method, path, body=None, kind="application/json", **headers):
        headers = {"Content-Type": kind, **headers} if body else headers
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read()

    query = "query GetUser($id: ID!) { user(id: $id) { id name email } }"
    for number in ("1", "2"):
        asked = {"operationName": "GetUser", "query": query, "variables": {"id": number}}
        assert json.loads(ask("POST", "/graphql", json.dumps(asked)))["data"]["user"]["name"] == "Ann"
    change = "mutation CreateOrder($total: Int!) { createOrder(total: $total) { id total } }"
    asked = {"query": change, "variables": {"total": 9}}
    assert json.loads(ask("POST", "/graphql", json.dumps(asked)))["data"]["createOrder"]["total"] == 9

    asked = {"jsonrpc": "2.0", "id": 1, "method": "listOrders", "params": {"status": "open", "limit": 3}}
    assert b"result" in ask("POST", "/rpc", json.dumps(asked))
    assert ask("POST", "/rpc", json.dumps([asked, {**asked, "id": 2}])).count(b"result") == 2
    assert b"error" in ask("POST", "/rpc", json.dumps({**asked, "method": "deleteOrders"}))

    price = (
        '<?xml version="1.0"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        '<m:GetPrice xmlns:m="http://example.com/stock"><m:item>Apples</m:item></m:GetPrice>'
        "</soap:Body></soap:Envelope>"
    )
    action = {"SOAPAction": '"http://example.com/stock/GetPrice"'}
    assert b"34.5" in ask("POST", "/service/stock", price, "text/xml; charset=utf-8", **action)

    assert ask("GET", "/events").count(b"data:") == 6
    assert ask("GET", "/export").count(b"\n") == 6
    connection.close()


async def call_mcp():
    async with Client("http://127.0.0.1:8094/mcp") as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["search_orders"]
        for limit in (3, 4):
            done = await client.call_tool("search_orders", {"status": "open", "limit": limit})
            assert str(limit) in done.content[0].text


call_grpc()
call_websocket()
call_plain()
asyncio.run(call_mcp())
print("called")
