// The test API (see README.md) on node:http. Arguments: address, port, access log; for TLS certificate and key
// too.
import { openSync, readFileSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";

const [address, port, logPath, certificate, key] = process.argv.slice(2);
const log = openSync(logPath, "a");

function jsonOf(size) {
  return size === 0 ? "" : `{"name":"${"x".repeat(size - 11)}"}`;
}

function answer(request, response) {
  let received = 0;
  const { pathname, searchParams } = new URL(request.url, "http://server");
  request.on("data", (chunk) => (received += chunk.length));
  request.on("end", () => {
    let status = 200;
    let body = `{"received":${received}}`;
    if (pathname === "/api/v1/archive") {
      [status, body] = [404, '{"error":"archive"}'];
    } else if (pathname === "/api/v1/failure") {
      [status, body] = [500, '{"error":"failure"}'];
    } else if (request.method === "GET" || request.method === "HEAD") {
      body = jsonOf(Number(searchParams.get("size") ?? 64));
    } else if (request.method === "DELETE") {
      [status, body] = [204, undefined];
    } else if (request.method === "POST") {
      status = 201;
    }
    response.on("finish", () => writeSync(log, `${request.method} ${pathname} ${status}\n`));
    if (body === undefined) {
      response.writeHead(status).end();
    } else {
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      response.writeHead(status, headers).end(request.method === "HEAD" ? undefined : body);
    }
  });
}

const server = certificate
  ? createSecureServer({ cert: readFileSync(certificate), key: readFileSync(key) }, answer)
  : createServer(answer);
server.keepAliveTimeout = 60_000;
server.listen(Number(port), address);

// In order: what was answered is logged before it ends.
process.on("SIGTERM", () => server.close(() => process.exit(0)));
