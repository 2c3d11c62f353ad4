import { once } from "node:events";
import { promises as fs } from "node:fs";
import net from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SILENT } from "../../src/config/log.ts";
import { initRepository } from "../../src/publisher/init.ts";
import { initServer } from "../../src/server/initServer.ts";
import { type RunningServer, runServer } from "../../src/server/runServer.ts";
import { readServerConfig } from "../../src/server/serverConfig.ts";
import { newHome } from "../support/repositories.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };
let server: RunningServer;

beforeAll(async () => {
  const home = await newHome("server");
  const vendor = await initRepository({ dir: path.join(home, "vendor"), repository: "content" });
  const dir = path.join(home, "server");
  const activeUpdate = "http://127.0.0.1:9";
  const { config: file } = await initServer({ dir, contentRoot: vendor.rootFile, activeUpdate });
  const written = JSON.parse(await fs.readFile(file, "utf8"));
  const settings = { console: LOOPBACK, agents: LOOPBACK, proxies: ["127.0.0.0/8"], mirror: { every: null } };
  await fs.writeFile(file, JSON.stringify({ ...written, ...settings }));
  server = await runServer(await readServerConfig(dir), SILENT);
});
afterAll(() => server.close());

const LAST = "GET /api/v1/last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/** Sends bytes over a connection of its own, and a last request; the statuses of the answers until the server ends it. */
async function statusesOf(port: number, bytes: string): Promise<number[]> {
  const socket = net.connect(port, "127.0.0.1");
  let text = "";
  socket.setEncoding("latin1").on("data", (piece: string) => {
    text += piece;
  });
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(bytes + LAST, "latin1");
  await once(socket, "close");
  return [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
}

const HIDDEN = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
const head = (...fields: string[]) =>
  `POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${fields.join("\r\n")}\r\n\r\n`;

/** Requests that one reader could take for one and another for two. */
const DOUBLE: Record<string, string> = {
  "both lengths": `${head("Content-Length: 4", "Transfer-Encoding: chunked")}0\r\n\r\n${HIDDEN}`,
  "both lengths, the other way round": `${head("Transfer-Encoding: chunked", "Content-Length: 4")}0\r\n\r\n${HIDDEN}`,
  "two lengths": `${head("Content-Length: 0", `Content-Length: ${HIDDEN.length}`)}${HIDDEN}`,
  "a list of lengths": `${head(`Content-Length: 0, ${HIDDEN.length}`)}${HIDDEN}`,
  "a length with a sign": `${head("Content-Length: +0")}${HIDDEN}`,
  "a length of other digits": `${head("Content-Length: 0x0")}${HIDDEN}`,
  "a coding that is chunked and is not": `${head("Transfer-Encoding: chunked, identity")}0\r\n\r\n${HIDDEN}`,
  "a coding that looks like it": `${head("Transfer-Encoding: xchunked")}0\r\n\r\n${HIDDEN}`,
  "a space before the colon": `${head("Transfer-Encoding : chunked", "Content-Length: 0")}0\r\n\r\n${HIDDEN}`,
  "a folded field": `${head("X: a\r\n Transfer-Encoding: chunked", "Content-Length : 0")}${HIDDEN}`,
  "lines that end with LF alone": `${head("Content-Length: 0").replaceAll("\r\n", "\n")}${HIDDEN}`,
  "a chunk of too many digits": `${head("Transfer-Encoding: chunked")}FFFFFFFFFFFFFFFF0\r\n\r\n${HIDDEN}`,
  "a chunk whose line ends with LF": `${head("Transfer-Encoding: chunked")}0\n\n${HIDDEN}`,
  "a chunk with a line within its extension": `${head("Transfer-Encoding: chunked")}0;a\nb\r\n\r\n${HIDDEN}`,
};

describe.for([["console"], ["agents"]] as const)("at the port of the %s", ([side]) => {
  const port = () => (side === "console" ? server.consolePort : server.agentsPort);

  test.for(Object.entries(DOUBLE))("a request with %s hides no other", async ([, bytes]) => {
    const statuses = await statusesOf(port(), bytes);
    // Nothing after it is read, or the server and who is in front of it would differ on where that begins.
    expect(statuses.length).toBeLessThanOrEqual(1);
    expect(statuses).not.toContain(200);
  });

  test("a request within the body of another is its body", async () => {
    for (const method of ["GET", "POST", "DELETE"]) {
      const first = head(`Content-Length: ${HIDDEN.length}`).replace("POST", method);
      const statuses = await statusesOf(port(), first + HIDDEN);
      // Its own, and the last where the connection goes on.
      expect([1, 2]).toContain(statuses.length);
      expect(statuses).not.toContain(200);
    }
  });
});

test("the mistakes of a stranger behind a believed proxy are not those of the proxy, nor evaded in front of it", async () => {
  const notify = async (from: string) => {
    const sent = { method: "POST", body: "forged", headers: { "x-forwarded-for": from } };
    return (await fetch(`http://127.0.0.1:${server.agentsPort}/v1/notify`, sent)).status;
  };
  const until429 = async (from: (index: number) => string) => {
    for (let index = 0; index < 200; index++) if ((await notify(from(index))) === 429) return index;
    return Infinity;
  };
  expect(await until429((index) => `198.51.100.${index % 250}, 192.0.2.1`)).toBeLessThan(200);
  expect(await notify("192.0.2.2")).toBe(403);
});

test("a server that stops while people read reports says nothing of it: its database stays until they are through", async () => {
  const home = await newHome("stops");
  const dir = path.join(home, "server");
  const { config: file, token } = await initServer({ dir });
  const written = JSON.parse(await fs.readFile(file, "utf8"));
  await fs.writeFile(file, JSON.stringify({ ...written, console: LOOPBACK, agents: LOOPBACK }));
  const said: string[] = [];
  const say = (message: string) => void said.push(message);
  const log = { ...SILENT, error: say, warn: say };
  const stopping = await runServer(await readServerConfig(dir), log);
  const api = `http://127.0.0.1:${stopping.consolePort}/api/v1`;
  const headers = { "content-type": "application/json", "sec-fetch-site": "same-origin" };
  const body = JSON.stringify({ token, user: "ada", password: "correct horse battery" });
  const signedIn = await fetch(`${api}/setup`, { method: "POST", headers, body });
  const cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
  said.length = 0;
  const before = { read: 0 };
  const readOn = async (what: string) => {
    const answer = await fetch(api + what, { headers: { ...headers, cookie } });
    expect(answer.status).toBe(200);
    await answer.text();
    before.read++;
    await readOn(what);
  };
  const reading = ["/report", "/report", "/metrics", "/suggestions", "/uncovered", "/agents"].map(readOn);
  const ended = Promise.allSettled(reading);
  await expect.poll(() => before.read, { timeout: 20_000 }).toBeGreaterThan(20);
  await stopping.close();
  expect((await ended).map(({ status }) => status)).toEqual(reading.map(() => "rejected"));
  expect(said).toEqual([]);
});
