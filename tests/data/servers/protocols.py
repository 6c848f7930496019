"""What speaks more than plain HTTP/1, in one process: gRPC (8091), WebSocket (8092), MCP (8094), and on
8093 GraphQL, JSON-RPC, SOAP, server-sent events and NDJSON. Ready once 8093 listens, which is last."""

import json
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import graphql
import grpc
from mcp.server import MCPServer
from websockets.sync.server import serve

from protobuf import fields, text, varint


# --- gRPC: the messages are made by hand, so that no generated code is needed ---


class Greeter(grpc.GenericRpcHandler):
    def service(self, call):
        kinds = {
            "/helloworld.Greeter/SayHello": grpc.unary_unary_rpc_method_handler(self.hello),
            "/helloworld.Greeter/ListReplies": grpc.unary_stream_rpc_method_handler(self.replies),
            "/helloworld.Greeter/CollectNames": grpc.stream_unary_rpc_method_handler(self.collect),
            "/helloworld.Greeter/Chat": grpc.stream_stream_rpc_method_handler(self.chat),
        }
        return kinds.get(call.method)

    def hello(self, request, context):
        name = fields(request)[1].decode()
        if name == "nobody":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such user")
        return text(1, "Hello " + name) + varint(2, len(name))

    def replies(self, request, context):
        for number in range(5):
            yield text(1, "Hello again") + varint(2, number)

    def collect(self, requests, context):
        return varint(2, sum(1 for _ in requests))

    def chat(self, requests, context):
        for request in requests:
            yield text(1, "Hello " + fields(request)[1].decode())


def serve_grpc():
    server = grpc.server(futures.ThreadPoolExecutor(8), handlers=(Greeter(),), compression=grpc.Compression.NoCompression)
    assert server.add_insecure_port("127.0.0.1:8091") == 8091
    server.start()
    return server


# --- WebSocket ---


def converse(socket):
    socket.send(json.dumps({"status": "open", "account": {"name": "shop"}}))
    for message in socket:
        if isinstance(message, bytes):
            socket.send(message[::-1])
        else:
            socket.send(json.dumps({"status": "done", "total": len(json.loads(message)["items"])}))


# --- MCP ---

tools = MCPServer("shop", version="1.0")


@tools.tool()
def search_orders(status: str, limit: int) -> str:
    """Orders by their status."""
    return f"{limit} orders are {status}"


def serve_mcp():
    tools.run("streamable-http", host="127.0.0.1", port=8094)


# --- GraphQL, JSON-RPC, SOAP, event streams ---

schema = graphql.build_schema("""
type Query { user(id: ID!): User  orders(status: String): [Order!]! }
type Mutation { createOrder(total: Int!): Order }
type User { id: ID!  name: String!  email: String }
type Order { id: ID!  total: Int! }
""")

ROOT = {
    "user": lambda info, id: {"id": id, "name": "Ann", "email": "ann@example.com"},
    "orders": lambda info, status=None: [{"id": 1, "total": 5}, {"id": 2, "total": 7}],
    "createOrder": lambda info, total: {"id": 3, "total": total},
}


def answer_rpc(call):
    if call["method"] == "listOrders":
        return {"jsonrpc": "2.0", "id": call["id"], "result": {"orders": [{"id": 7, "total": 12}]}}
    return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32601, "message": "Method not found"}}


ENVELOPE = (
    '<?xml version="1.0"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
    '<m:GetPriceResponse xmlns:m="http://example.com/stock"><m:price>34.5</m:price></m:GetPriceResponse>'
    "</soap:Body></soap:Envelope>"
)


class Plain(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, kind, body):
        body = body.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/graphql":
            asked = json.loads(body)
            done = graphql.graphql_sync(
                schema,
                asked["query"],
                ROOT,
                variable_values=asked.get("variables"),
                operation_name=asked.get("operationName"),
            )
            self.answer("application/json", json.dumps(done.formatted))
        elif self.path == "/rpc":
            asked = json.loads(body)
            done = [answer_rpc(call) for call in asked] if isinstance(asked, list) else answer_rpc(asked)
            self.answer("application/json", json.dumps(done))
        else:
            self.answer("text/xml; charset=utf-8", ENVELOPE)

    def do_GET(self):
        kind = "text/event-stream" if self.path == "/events" else "application/x-ndjson"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(6):
            event = json.dumps({"status": "shipped", "count": number})
            line = f"event: order\ndata: {event}\n\n" if self.path == "/events" else event + "\n"
            self.wfile.write(f"{len(line):x}\r\n{line}\r\n".encode())
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")


def main():
    running = serve_grpc()
    websocket = serve(converse, "127.0.0.1", 8092)
    for work in (websocket.serve_forever, serve_mcp):
        threading.Thread(target=work, daemon=True).start()
    import socket, time

    for port in (8092, 8094):
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            time.sleep(0.02)
    ThreadingHTTPServer(("127.0.0.1", 8093), Plain).serve_forever()
    running.stop(0)


if __name__ == "__main__":
    main()
