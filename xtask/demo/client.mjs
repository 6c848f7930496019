// A caller of the demo, with node:http and keep-alive: the shop's API behind the proxy and, past the
// proxy, the application itself. Arguments: proxy HOST:PORT, application HOST:PORT, rounds. Prints the
// number of calls made.
import { Agent, request } from "node:http";

const [proxy, application, rounds] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 4 });
let calls = 0;

function call(target, method, path, body, headers = {}) {
  const [host, port] = target.split(":");
  const payload = body === undefined ? undefined : JSON.stringify(body);
  if (payload !== undefined) {
    headers = { ...headers, "content-type": "application/json" };
  }
  if (target === proxy) {
    headers = { ...headers, host: "api.shop.test" };
  }
  return new Promise((resolve, reject) => {
    const message = request({ host, port, method, path, headers, agent, timeout: 10_000 }, (answer) => {
      let text = "";
      answer.on("data", (chunk) => (text += chunk));
      answer.on("end", () => {
        calls += 1;
        resolve(text);
      });
    });
    message.on("error", reject);
    message.end(payload); // Without a length: node sends the body chunked.
  });
}

for (let number = 0; number < Number(rounds); number++) {
  const token = { authorization: "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl" };
  const created = await call(proxy, "POST", "/api/orders", { customer: 7, total: 12.5, lines: ["a", "b"] }, token);
  const { id } = JSON.parse(created);
  await Promise.all([
    call(proxy, "GET", `/api/orders/${id}`, undefined, token),
    call(proxy, "GET", "/api/orders?_page=1&_limit=5", undefined, token),
    call(proxy, "GET", "/api/products?category=books"),
    call(proxy, "GET", `/api/users/${1 + (number % 3)}?_embed=orders`, undefined, token),
  ]);
  await call(proxy, "PUT", `/api/orders/${id}`, { customer: 7, total: 13, paid: true }, token);
  await call(proxy, "PATCH", `/api/orders/${id}`, { shipped: "2026-01-31" }, token);
  await call(proxy, "DELETE", `/api/orders/${id}`, undefined, token);
  await call(proxy, "GET", `/api/orders/${id}`, undefined, token);
  await call(application, "GET", "/products", undefined, { "x-api-key": "k-456" });
  await call(application, "POST", "/reviews", { product: 1, stars: 5, text: "good" }, { "x-api-key": "k-456" });
}
agent.destroy();
console.log(calls);
