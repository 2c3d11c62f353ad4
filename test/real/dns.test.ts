import { afterEach, describe, expect, test } from "vitest";
import type { ErrorCode } from "../../src/errors.ts";
import {
  type DnsQuery,
  type DnsServerOptions,
  encodeReply,
  startDnsServer,
  type TestDnsServer,
} from "../support/dnsServer.ts";
import { type SourceOptions, startSource, type TestSource } from "../support/source.ts";
import {
  closeAll,
  expectInstalled,
  expectTidy,
  makeAgent,
  runUpdate,
  sharedWorld,
} from "../support/world.ts";
import { meetUrl } from "./faults/meet.ts";

const stage = sharedWorld();

const open: (TestSource | TestDnsServer)[] = [];
afterEach(() => closeAll(open));

async function dns(options: DnsServerOptions): Promise<TestDnsServer> {
  const server = await startDnsServer(options);
  open.push(server);
  return server;
}

async function serve(options: SourceOptions = {}): Promise<TestSource> {
  const source = await startSource(stage.world.www(2), options);
  open.push(source);
  return source;
}

/** A configuration that asks `servers` and no others; with a short limit only where a server stays silent. */
const asking = (servers: TestDnsServer[], timeout = 10_000) => ({
  dns: { servers: servers.map(({ address }) => address), search: [], timeout },
});

const rcode = (code: number) => (query: DnsQuery) => encodeReply(query, { rcode: code });
const truncated = (query: DnsQuery) => encodeReply(query, { flags: 0x0200 });

const failures: [what: string, code: ErrorCode, options: DnsServerOptions, timeout?: number][] = [
  ["does not exist", "DNS_NOT_FOUND", {}],
  ["has no address", "DNS_NO_ADDRESS", { records: { "ua.test": {} } }],
  ["has no address but 0.0.0.0", "DNS_NO_ADDRESS", { records: { "ua.test": { A: ["0.0.0.0"] } } }],
  ["makes the server fail", "DNS_SERVER_FAILURE", { onQuery: rcode(2) }],
  ["the server refuses to answer for", "DNS_SERVER_FAILURE", { onQuery: rcode(5) }],
  ["the server does not understand", "DNS_SERVER_FAILURE", { onQuery: rcode(1) }],
  ["gets no answer", "DNS_TIMEOUT", { onQuery: () => "silent" }, 100],
  [
    "gets no answer over TCP",
    "DNS_TIMEOUT",
    { onQuery: (q) => (q.transport === "udp" ? truncated(q) : "silent") },
    200,
  ],
  ["gets garbage for an answer", "DNS_MALFORMED", { onQuery: () => Buffer.from("garbage in a packet") }, 100],
  [
    "gets the answer for another",
    "DNS_MALFORMED",
    { onQuery: (q) => encodeReply({ ...q, name: "b.test" }) },
    100,
  ],
  [
    "is an alias of itself",
    "DNS_MALFORMED",
    { records: { "ua.test": { CNAME: "ub.test" }, "ub.test": { CNAME: "ua.test" } } },
  ],
  [
    "leads to where nobody listens",
    "CONNECTION_REFUSED",
    { records: { "ua.test": { A: ["127.0.0.2", "127.0.0.3"] } } },
  ],
];

describe.concurrent("a source whose name", () => {
  test.for(failures)("%s is passed over: %s", async ([, code, options, timeout]) => {
    const server = await startDnsServer(options);
    await meetUrl(stage.world, "http://ua.test:21119", { code, config: asking([server], timeout) });
    expect(server.queries.length).toBeGreaterThan(0);
    await server.close();
  });
});

/** One run of an agent whose only source is `ua.test` at the port of `source`. */
async function updateBy(source: TestSource, servers: TestDnsServer[], timeout?: number, host = "ua.test") {
  const url = `http://${host}:${source.port}`;
  const config = asking(servers, timeout);
  const agent = await makeAgent(stage.world, { sources: { ua: url }, installed: 1, config });
  const { report } = await runUpdate(agent);
  expect(report).toMatchObject({ outcome: "updated", attempts: [{ outcome: "delivered" }] });
  await expectInstalled(agent, 2);
  await expectTidy(agent);
  return report.attempts[0]?.address;
}

describe("a source is reached by a name", () => {
  test("with several addresses of which the first is dead", async () => {
    const source = await serve();
    const server = await dns({ records: { "ua.test": { A: ["127.0.0.2", "127.0.0.1"] } } });
    expect(await updateBy(source, [server])).toBe("127.0.0.1");
  });

  test("with an IPv6 address alone", async () => {
    const source = await serve({ host: "::1" });
    const server = await dns({ records: { "ua.test": { AAAA: ["::1"] } } });
    expect(await updateBy(source, [server])).toBe("::1");
  });

  test("with addresses of both families of which the IPv6 one is dead", async () => {
    const source = await serve();
    const server = await dns({ records: { "ua.test": { A: ["127.0.0.1"], AAAA: ["::1"] } } });
    expect(await updateBy(source, [server])).toBe("127.0.0.1");
  });

  test("whose answer for one family never comes", async () => {
    const source = await serve();
    const onQuery = ({ type }: DnsQuery) => (type === "AAAA" ? ("silent" as const) : ("default" as const));
    const server = await dns({ records: { "ua.test": { A: ["127.0.0.1"] } }, onQuery });
    expect(await updateBy(source, [server])).toBe("127.0.0.1");
  });

  test("that is an alias of an alias", async () => {
    const source = await serve();
    const records = {
      "ua.test": { CNAME: "ub.test" },
      "ub.test": { CNAME: "uc.test" },
      "uc.test": { A: ["127.0.0.1"] },
    };
    expect(await updateBy(source, [await dns({ records })])).toBe("127.0.0.1");
  });

  test("whose answer fits no UDP packet, over TCP", async () => {
    const source = await serve();
    const dead = Array.from({ length: 100 }, (_, index) => `127.0.1.${index + 1}`);
    const server = await dns({ records: { "ua.test": { A: ["127.0.0.1", ...dead] } } });
    expect(await updateBy(source, [server])).toBe("127.0.0.1");
    expect(server.queries.some(({ transport }) => transport === "tcp")).toBe(true);
  });

  test("that only the second DNS server can resolve", async () => {
    const source = await serve();
    const failing = await dns({ onQuery: rcode(2) });
    const server = await dns({ records: { "ua.test": { A: ["127.0.0.1"] } } });
    expect(await updateBy(source, [failing, server])).toBe("127.0.0.1");
    expect(failing.queries.length).toBeGreaterThan(0);
  });

  test("that is looked up once a run, however many requests it takes", async () => {
    const source = await serve();
    const server = await dns({ records: { "ua.test": { A: ["127.0.0.1"] } } });
    await updateBy(source, [server]);
    expect(source.requests.length).toBeGreaterThan(4);
    expect(server.queries.map(({ type }) => type).sort()).toEqual(["A", "AAAA"]);
  });

  test("that is written in capitals, and with a dot at its end", async () => {
    const source = await serve();
    const server = await dns({ records: { "ua.test": { A: ["127.0.0.1"] } } });
    await updateBy(source, [server], undefined, "UA.Test");
    await updateBy(source, [server], undefined, "ua.test.");
  });
});

test("a source by its address needs no DNS", async () => {
  const source = await serve();
  const silent = await dns({ onQuery: () => "silent" });
  const agent = await makeAgent(stage.world, { sources: { ua: source.url }, config: asking([silent]) });
  expect((await runUpdate(agent)).report.outcome).toBe("updated");
  expect(silent.queries).toEqual([]);
});
