import { promises as fs } from "node:fs";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import path from "node:path";
import tls from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { startDnsServer } from "../support/dnsServer.ts";
import { startSource, type TestSource } from "../support/source.ts";
import {
  type Agent,
  closeAll,
  expectInstalled,
  makeAgent,
  makeWorld,
  runUpdate,
  type World,
  writeJson,
} from "../support/world.ts";
import { type Authority, makeAuthority } from "./certificates.ts";

let world: World;
let authority: Authority;
const before = tls.getCACertificates("default");
beforeAll(async () => {
  world = await makeWorld();
  authority = await makeAuthority(world.folder, "Trusted by this test");
  tls.setDefaultCACertificates([...before, authority.cert]);
});
afterAll(async () => {
  tls.setDefaultCACertificates(before);
  await world.remove();
});

const open: { close: () => Promise<void> }[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  await closeAll(open);
});

/** Nobody listens on 127.0.0.2. */
const DEAD = "http://127.0.0.2:3128";

interface Proxy {
  url: string;
  /** The request lines that came. */
  asked: string[];
  close: () => Promise<void>;
}

/** A proxy that takes every name for `target`'s; with a status it answers that and forwards nothing. */
async function startProxy(target: TestSource, status?: number): Promise<Proxy> {
  const asked: string[] = [];
  const forward = (request: IncomingMessage, response: ServerResponse) => {
    asked.push(`${request.method} ${request.url}`);
    if (status !== undefined) return response.writeHead(status, { "content-length": 0 }).end();
    const inner = http.get(
      { port: target.port, host: "127.0.0.1", path: new URL(request.url ?? "").pathname },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      },
    );
    return inner.on("error", () => response.destroy());
  };
  const server = http.createServer(forward);
  server.on("connect", (request: IncomingMessage, socket: Socket) => {
    asked.push(`CONNECT ${request.url}`);
    socket.on("error", () => {});
    if (status !== undefined) return socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const inner = connect(target.port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connected\r\n\r\n");
      inner.pipe(socket).pipe(inner);
    });
    return inner.on("error", () => socket.destroy());
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const close = async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
  const proxy = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, close };
  open.push(proxy);
  return proxy;
}

async function serve(
  ...options: Parameters<typeof startSource> extends [string, ...infer Rest] ? Rest : never
) {
  const source = await startSource(world.www(2), ...options);
  open.push(source);
  return source;
}

const VENDOR = "updates.vendor.test";

/** An agent whose only step is ActiveUpdate, which is on the internet. */
function internetAgent(scheme: "http" | "https", http: object, config: object = {}): Promise<Agent> {
  const activeUpdate = `${scheme}://${VENDOR}:8080`;
  return makeAgent(world, {
    sources: {},
    installed: 1,
    config: { activeUpdate, ...config, http: { ...http } },
  });
}

const system = { proxy: "system" };

async function expectDelivered(agent: Agent): Promise<void> {
  const { report } = await runUpdate(agent);
  expect(report).toMatchObject({ outcome: "updated", attempts: [{ outcome: "delivered" }] });
  await expectInstalled(agent, 2);
}

describe("a source near by", () => {
  test.for([
    ["http_proxy", DEAD],
    ["HTTP_PROXY", DEAD],
    ["https_proxy", DEAD],
    ["all_proxy", DEAD],
    ["http_proxy", "socks5://127.0.0.2"],
    ["https_proxy", "not a proxy"],
  ] as const)("is reached directly, whatever %s says: %s", async ([variable, value]) => {
    vi.stubEnv(variable, value);
    const source = await serve();
    const agent = await makeAgent(world, {
      sources: { near: source.url },
      installed: 1,
      config: { http: system },
    });
    await expectDelivered(agent);
  });

  test("is reached directly also when it is an entry without a name, by its address", async () => {
    vi.stubEnv("http_proxy", DEAD);
    const source = await serve();
    const agent = await makeAgent(world, { sources: {}, installed: 1, config: { http: system } });
    const entries = [{ range: "127.0.0.1", url: source.url }];
    await writeJson(path.join(agent.folder, "list.json"), { entries, serverFallback: { enabled: false } });
    await expectDelivered(agent);
  });

  test("is reached directly by its name when it is an Update Agent", async () => {
    vi.stubEnv("http_proxy", DEAD);
    const source = await serve();
    const dns = await startDnsServer({ records: { "ua.corp.test": { A: ["127.0.0.1"] } } });
    open.push(dns);
    const config = { http: system, dns: { servers: [dns.address], search: [] } };
    const sources = { ua: `http://ua.corp.test:${source.port}` };
    await expectDelivered(await makeAgent(world, { sources, installed: 1, config }));
  });
});

describe("ActiveUpdate", () => {
  test.for(["http_proxy", "HTTP_PROXY"])("is reached through the proxy of %s", async (variable) => {
    const proxy = await startProxy(await serve());
    vi.stubEnv(variable, proxy.url);
    await expectDelivered(await internetAgent("http", system));
    expect(proxy.asked).toContain(`GET http://${VENDOR}:8080/content/metadata/timestamp.json`);
  });

  test("is reached through the configured proxy, whatever the environment says", async () => {
    vi.stubEnv("http_proxy", DEAD);
    const proxy = await startProxy(await serve());
    await expectDelivered(await internetAgent("http", { proxy: proxy.url }));
    expect(proxy.asked.length).toBeGreaterThan(4);
  });

  test("over TLS is reached through a tunnel, and its certificate is checked at the end of it", async () => {
    const source = await serve({ tls: await authority.issue({ names: `DNS:${VENDOR}` }) });
    const proxy = await startProxy(source);
    await expectDelivered(await internetAgent("https", { proxy: proxy.url }));
    expect(new Set(proxy.asked)).toEqual(new Set([`CONNECT ${VENDOR}:8080`]));
  });

  test("over TLS is not believed to be whoever the proxy leads to", async () => {
    const source = await serve({ tls: await authority.issue({ names: "DNS:other.test" }) });
    const proxy = await startProxy(source);
    const { report } = await runUpdate(await internetAgent("https", { proxy: proxy.url }));
    expect(report).toMatchObject({ outcome: "exhausted", attempts: [{ code: "TLS_CERTIFICATE" }] });
    expect(source.requests).toEqual([]);
  });

  test("is reached directly where no_proxy names it", async () => {
    vi.stubEnv("http_proxy", DEAD);
    vi.stubEnv("no_proxy", VENDOR);
    const source = await serve();
    const dns = await startDnsServer({ records: { [VENDOR]: { A: ["127.0.0.1"] } } });
    open.push(dns);
    const config = {
      activeUpdate: `http://${VENDOR}:${source.port}`,
      dns: { servers: [dns.address], search: [] },
    };
    await expectDelivered(await internetAgent("http", system, config));
  });

  test("is reached directly where the configuration says none", async () => {
    vi.stubEnv("http_proxy", DEAD);
    const source = await serve();
    const dns = await startDnsServer({ records: { [VENDOR]: { A: ["127.0.0.1"] } } });
    open.push(dns);
    const config = {
      activeUpdate: `http://${VENDOR}:${source.port}`,
      dns: { servers: [dns.address], search: [] },
    };
    await expectDelivered(await internetAgent("http", { proxy: "none" }, config));
  });

  test.for(["http", "https"] as const)(
    "over %s fails where the proxy is dead, and the log says which",
    async (scheme) => {
      const { report, lines } = await runUpdate(await internetAgent(scheme, { proxy: DEAD }));
      expect(report.attempts).toMatchObject([{ outcome: "failed" }]);
      expect(lines.map(({ message }) => message).join("\n")).toContain("127.0.0.2:3128");
    },
  );

  test.for([
    ["without a scheme", (url: string) => url.replace("http://", "")],
    ["in capitals", (url: string) => url.replace("http", "HTTP")],
    ["between blanks", (url: string) => ` ${url} `],
  ] as const)("is reached through a proxy that is written %s", async ([, written]) => {
    const proxy = await startProxy(await serve());
    vi.stubEnv("http_proxy", written(proxy.url));
    await expectDelivered(await internetAgent("http", system));
    expect(proxy.asked.length).toBeGreaterThan(4);
  });

  test("fails where the variable cannot be used, which is named; sources near by do not need it", async () => {
    vi.stubEnv("http_proxy", "socks5://user:hunter2@127.0.0.2:1080");
    const near = await startSource(world.www(2), {
      answer: (_, response) => {
        response.writeHead(404).end();
        return true;
      },
    });
    open.push(near);
    const activeUpdate = `http://${VENDOR}:8080`;
    const agent = await makeAgent(world, {
      sources: { near: near.url },
      installed: 1,
      config: { activeUpdate, http: system },
    });
    const { report, lines } = await runUpdate(agent);
    expect(report.attempts.map(({ code }) => code)).toEqual(["HTTP_NOT_FOUND", "PROXY_FAILED"]);
    expect(report.attempts[1]?.message).toContain("http_proxy");
    expect(JSON.stringify([report, lines])).not.toContain("hunter2");
  });

  test.for([403, 407, 502, 503])("over TLS fails with the proxy when that answers %i", async (status) => {
    const proxy = await startProxy(await serve(), status);
    const { report } = await runUpdate(await internetAgent("https", { proxy: proxy.url }));
    expect(report.attempts).toMatchObject([{ outcome: "failed", code: "PROXY_FAILED" }]);
    expect(proxy.asked[0]).toBe(`CONNECT ${VENDOR}:8080`);
  });

  test("over TLS fails with the proxy when that speaks no HTTP", async () => {
    const garbage = http.createServer();
    garbage.on("connect", (_, socket) => socket.end("not HTTP at all\r\n\r\n"));
    await new Promise<void>((listening) => garbage.listen(0, "127.0.0.1", listening));
    const url = `http://127.0.0.1:${(garbage.address() as AddressInfo).port}`;
    const { report } = await runUpdate(await internetAgent("https", { proxy: url }));
    expect(report.attempts).toMatchObject([{ outcome: "failed", code: "PROXY_FAILED" }]);
    garbage.closeAllConnections();
    await new Promise((done) => garbage.close(done));
  });
});

test("a proxy's address is no secret, and its password never is in the report or the log", async () => {
  vi.stubEnv("https_proxy", "http://user:hunter2@127.0.0.2:3128");
  const agent = await internetAgent("https", system);
  const { report, lines } = await runUpdate(agent);
  expect(report.outcome).toBe("exhausted");
  const state = await fs.readFile(path.join(agent.dataDir, "state.json"), "utf8");
  expect(JSON.stringify([report, lines, state])).not.toContain("hunter2");
});
