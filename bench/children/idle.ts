/** Bare node:http, which answers each request at once and keeps the connection: the least that one takes. */
import http from "node:http";
import type { AddressInfo } from "node:net";

const server = http.createServer({ keepAliveTimeout: 3_600_000 }, (_, response) => response.end("{}"));
server.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 }, () =>
  process.send?.((server.address() as AddressInfo).port),
);
process.on("disconnect", () => process.exit());
