import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay, setImmediate } from "node:timers/promises";
import type { Answer } from "dns-packet";
import fc from "fast-check";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { formatAddress } from "../../src/core/order/address.ts";
import { createResolver, type Resolver, type ResolverOptions, toLookup } from "../../src/dns/resolver.ts";
import {
  type DnsQuery,
  type DnsServerOptions,
  encodeReply,
  startDnsServer,
  type TestDnsServer,
} from "../support/dnsServer.ts";

const open: TestDnsServer[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

async function serve(options?: DnsServerOptions): Promise<TestDnsServer> {
  const server = await startDnsServer(options);
  open.push(server);
  return server;
}

/** A server with the same two addresses for a.test in every test that only needs a genuine answer. */
const GENUINE = { "a.test": { A: ["192.0.2.7"], AAAA: ["2001:db8::7"] } };
const BOTH = ["2001:db8::7", "192.0.2.7"];
/** Those addresses as they stand in an answer; nothing in DNS protects them. */
const ADDRESS_BYTES = ["c0000207", "20010db8000000000000000000000007"];

/** A resolver that asks these servers and knows no hosts file and no search list, unless told so. */
function asking(servers: TestDnsServer[], options: ResolverOptions = {}): Resolver {
  return createResolver({
    servers: servers.map(({ address }) => address),
    search: [],
    hostsFile: "/nowhere/hosts",
    ...options,
  });
}

async function addresses(resolver: Resolver, host: string): Promise<string[]> {
  return (await resolver.resolve(host)).addresses.map(formatAddress);
}

const silent = () => "silent" as const;

/** An answer with the genuine bytes altered. */
const altered = (change: (bytes: Buffer) => void) => (_: DnsQuery, fromRecords: Buffer) => {
  const bytes = Buffer.from(fromRecords);
  change(bytes);
  return bytes;
};

const alias = (name: string, data: string): Answer => ({ type: "CNAME", name, ttl: 60, data });

/** The names asked for, once each, in order. */
const names = (server: TestDnsServer) => [...new Set(server.queries.map(({ name }) => name))];

describe("without asking a server", () => {
  const nobody = createResolver({ servers: [], search: [], hostsFile: "/nowhere/hosts" });

  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["2001:DB8::1", "2001:db8::1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
  ])("the address %s is its own answer", async (host, address) => {
    expect(await nobody.resolve(host)).toMatchObject({ server: "literal", name: address });
    expect(await addresses(nobody, host)).toEqual([address]);
  });

  test.each(["localhost", "LOCALHOST", "localhost.", "db.localhost"])("%s is this machine", async (host) => {
    expect(await addresses(nobody, host)).toEqual(["::1", "127.0.0.1"]);
  });

  test.each(["", ".", "a..b", "a b", "fe80::1%eth0", "[::1", `${"a".repeat(64)}.test`, "bücher.test"])(
    "%j is no host name",
    async (host) => {
      await expect(nobody.resolve(host)).rejects.toMatchObject({
        code: "DNS_NOT_FOUND",
        message: `"${host}" is not a host name`,
      });
    },
  );

  test.each(["0.0.0.0", "[::]", "::ffff:0.0.0.0"])("%s is no address to connect to", async (host) => {
    await expect(nobody.resolve(host)).rejects.toMatchObject({ code: "DNS_NO_ADDRESS" });
  });

  test("no server known is an error with a hint", async () => {
    await expect(nobody.resolve("a.test")).rejects.toMatchObject({
      code: "DNS_SERVER_FAILURE",
      message: 'no DNS server is known to ask for "a.test"',
      hint: expect.stringContaining("dns.servers"),
    });
  });

  test.each(["dns.example", "127.0.0.1:0", "127.0.0.1:65536", "[127.0.0.1]:53", "::1:x", "[::1", ""])(
    "%j is refused as a DNS server",
    (server) => {
      expect(() => createResolver({ servers: [server] })).toThrow(
        expect.objectContaining({ code: "CONFIG_INVALID" }),
      );
    },
  );

  test("the system's servers are the default", () => {
    expect(() => createResolver()).not.toThrow();
  });
});

describe("the hosts file", () => {
  async function hostsFile(text: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "nearsource-hosts-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, "hosts"), text);
    return join(folder, "hosts");
  }

  test("comes before DNS", async () => {
    const server = await serve({ records: GENUINE });
    const file = await hostsFile("192.0.2.1 a.test\n");
    const resolver = asking([server], { hostsFile: file });
    expect(await resolver.resolve("A.Test.")).toMatchObject({ server: "hosts", name: "a.test" });
    expect(server.queries).toEqual([]);
  });

  test("may have comments, several names on a line, several lines for a name", async () => {
    const text = [
      "\uFEFF# 192.0.2.9 a.test",
      "192.0.2.1\ta.test  b.test # c.test\r",
      "  2001:db8::1 a.test",
      "",
    ];
    const resolver = asking([], { hostsFile: await hostsFile(text.join("\n")) });
    expect(await addresses(resolver, "a.test")).toEqual(["2001:db8::1", "192.0.2.1"]);
    expect(await addresses(resolver, "b.test")).toEqual(["192.0.2.1"]);
    await expect(resolver.resolve("c.test")).rejects.toMatchObject({ code: "DNS_SERVER_FAILURE" });
  });

  test("says nothing by a line whose address is none", async () => {
    const text = ["192.0.2.01 a.test", "192.0.2 a.test", "a.test 192.0.2.1", "fe80::1%lo0 a.test"].join("\n");
    const server = await serve({ records: GENUINE });
    const resolver = asking([server], { hostsFile: await hostsFile(text) });
    expect((await resolver.resolve("a.test")).server).toBe(server.address);
  });

  test("is read again when it has changed, come, or gone", async () => {
    const file = await hostsFile("192.0.2.1 a.test");
    const resolver = asking([], { hostsFile: file });
    expect(await addresses(resolver, "a.test")).toEqual(["192.0.2.1"]);
    await writeFile(file, "192.0.2.2 a.test");
    await utimes(file, 1, 1);
    expect(await addresses(resolver, "a.test")).toEqual(["192.0.2.2"]);
    await rm(file);
    await expect(resolver.resolve("a.test")).rejects.toMatchObject({ code: "DNS_SERVER_FAILURE" });
    await writeFile(file, "192.0.2.3 a.test");
    expect(await addresses(resolver, "a.test")).toEqual(["192.0.2.3"]);
  });

  test("can block a name, which is then not asked for", async () => {
    const server = await serve({ records: GENUINE });
    const file = await hostsFile("0.0.0.0 a.test");
    await expect(asking([server], { hostsFile: file }).resolve("a.test")).rejects.toMatchObject({
      code: "DNS_NO_ADDRESS",
      message: '0.0.0.0 in the hosts file for "a.test" is no address to connect to',
    });
    expect(server.queries).toEqual([]);
  });
});

describe("the search list", () => {
  const records = {
    "ua.two.test": { A: ["192.0.2.2"] },
    ua: { A: ["192.0.2.1"] },
    "ua.x": { A: ["192.0.2.3"] },
  };
  const search = ["one.test", "Two.Test."];

  test("comes first for a name without a dot", async () => {
    const server = await serve({ records });
    const found = await asking([server], { search }).resolve("ua");
    expect(found).toMatchObject({ name: "ua.two.test", server: server.address });
    expect(names(server)).toEqual(["ua.one.test", "ua.two.test"]);
  });

  test("is followed by the name itself", async () => {
    const server = await serve({ records });
    expect((await asking([server], { search: ["one.test"] }).resolve("ua")).name).toBe("ua");
  });

  test("comes last for a name with a dot, and only when the name has no address", async () => {
    const server = await serve({
      records: { ...records, "ua.x.one.test": { A: ["192.0.2.4"] }, "no.x": {} },
    });
    const resolver = asking([server], { search });
    expect((await resolver.resolve("ua.x")).name).toBe("ua.x");
    expect(names(server)).toEqual(["ua.x"]);
    expect(await resolver.resolve("no.x").catch((error) => error.code)).toBe("DNS_NO_ADDRESS");
    expect(names(server)).toEqual(["ua.x", "no.x", "no.x.one.test", "no.x.two.test"]);
  });

  test("is not used for a name that ends in a dot", async () => {
    const server = await serve({ records });
    expect((await asking([server], { search }).resolve("ua.")).name).toBe("ua");
    expect(names(server)).toEqual(["ua"]);
  });

  test("is not gone on with after a failure", async () => {
    const server = await serve({ records, onQuery: (query) => encodeReply(query, { rcode: 2 }) });
    await expect(asking([server], { search }).resolve("ua")).rejects.toMatchObject({
      code: "DNS_SERVER_FAILURE",
    });
    expect(names(server)).toEqual(["ua.one.test"]);
  });

  test("leaves out what would be too long for a name", async () => {
    const server = await serve({ records });
    const long = `${"a".repeat(60)}.`.repeat(4);
    expect((await asking([server], { search: [`${long}test`] }).resolve("ua")).name).toBe("ua");
  });
});

describe("a query", () => {
  test("asks for both families at once, from sockets and with ids of their own, with RD and EDNS", async () => {
    const server = await serve({ records: GENUINE });
    expect(await addresses(asking([server]), "a.test")).toEqual(BOTH);
    const [one, other] = server.queries;
    expect(server.queries.map(({ type }) => type).sort()).toEqual(["A", "AAAA"]);
    expect(server.queries.every(({ edns, transport }) => edns && transport === "udp")).toBe(true);
    expect(one?.port).not.toBe(other?.port);
  });

  test("has an id that is not the last one's", async () => {
    const server = await serve();
    const resolver = asking([server]);
    await Promise.allSettled(Array.from({ length: 20 }, (_, index) => resolver.resolve(`n${index}.test`)));
    const ids = server.queries.map(({ id }) => id);
    expect(new Set(ids).size).toBeGreaterThan(30);
  });

  test.each([1, 4])("refused with rcode %i is repeated without EDNS", async (rcode) => {
    const onQuery = (query: DnsQuery) => (query.edns ? encodeReply(query, { rcode }) : ("default" as const));
    const server = await serve({ records: GENUINE, onQuery });
    expect(await addresses(asking([server]), "a.test")).toEqual(BOTH);
    expect(server.queries.filter(({ edns }) => edns)).toHaveLength(2);
    expect(server.queries.filter(({ edns }) => !edns)).toHaveLength(2);
  });

  test("refused without EDNS too is not repeated again", async () => {
    const server = await serve({ onQuery: (query) => encodeReply(query, { rcode: 1 }) });
    await expect(asking([server]).resolve("a.test")).rejects.toMatchObject({ code: "DNS_SERVER_FAILURE" });
    expect(server.queries).toHaveLength(4);
  });

  test("lost on its way is asked again", async () => {
    const seen = new Set<string>();
    const onQuery = ({ type }: DnsQuery) => {
      if (seen.has(type)) return "default" as const;
      seen.add(type);
      return "silent" as const;
    };
    const server = await serve({ records: GENUINE, onQuery });
    expect(await addresses(asking([server], { timeout: 300 }), "a.test")).toEqual(BOTH);
    expect(server.queries).toHaveLength(4);
  });

  test("that a firewall drops for its EDNS gets through without", async () => {
    const onQuery = ({ edns }: DnsQuery) => (edns ? ("silent" as const) : ("default" as const));
    const server = await serve({ records: GENUINE, onQuery });
    expect(await addresses(asking([server], { timeout: 300 }), "a.test")).toEqual(BOTH);
  });

  test("nobody answers ends as a time-out, after two rounds of all servers", async () => {
    const servers = [await serve({ onQuery: silent }), await serve({ onQuery: silent })];
    await expect(asking(servers, { timeout: 40, now: () => 0 }).resolve("a.test")).rejects.toMatchObject({
      code: "DNS_TIMEOUT",
      message: expect.stringContaining(`${servers[0]?.address} did not answer`),
      hint: expect.stringContaining("port 53"),
    });
    expect(servers.map(({ queries }) => queries.length)).toEqual([4, 4]);
  });

  test("of a long row of silent servers ends at the deadline of four time-outs", async () => {
    const servers = await Promise.all(Array.from({ length: 8 }, () => serve({ onQuery: silent })));
    await expect(asking(servers, { timeout: 40 }).resolve("a.test")).rejects.toMatchObject({
      code: "DNS_TIMEOUT",
    });
    expect(servers.at(-1)?.queries).toEqual([]);
  });
});

describe("one family", () => {
  const only = (type: string) => (query: DnsQuery) =>
    query.type === type ? ("default" as const) : ("silent" as const);

  test.each([
    ["A", "192.0.2.7"],
    ["AAAA", "2001:db8::7"],
  ])("%s is enough when the other gets no answer", async (type, address) => {
    const server = await serve({ records: GENUINE, onQuery: only(type) });
    const found = await asking([server], { timeout: 10_000 }).resolve("a.test");
    expect(found.addresses.map(formatAddress)).toEqual([address]);
    expect(found.ttl).toBe(5_000);
  });

  test("alone in DNS is an answer", async () => {
    const server = await serve({ records: { four: { A: ["192.0.2.7"] }, six: { AAAA: ["2001:db8::7"] } } });
    expect(await addresses(asking([server]), "four")).toEqual(["192.0.2.7"]);
    expect(await addresses(asking([server]), "six")).toEqual(["2001:db8::7"]);
  });

  test("that is denied by a failing server does not hide the other", async () => {
    const onQuery = (query: DnsQuery) =>
      query.type === "A"
        ? ("default" as const)
        : encodeReply(query, { rcode: query.name === "a.test" ? 2 : 3 });
    const server = await serve({ records: { ...GENUINE, "b.test": { A: ["192.0.2.8"] } }, onQuery });
    expect(await addresses(asking([server]), "a.test")).toEqual(["192.0.2.7"]);
    expect(await addresses(asking([server]), "b.test")).toEqual(["192.0.2.8"]);
  });

  test("that fails while the other has no address is the failure", async () => {
    const onQuery = (query: DnsQuery) => encodeReply(query, { rcode: query.type === "A" ? 2 : 0 });
    const server = await serve({ onQuery });
    await expect(asking([server]).resolve("a.test")).rejects.toMatchObject({ code: "DNS_SERVER_FAILURE" });
  });

  test("that is silent does not hold up word that there is no such name", async () => {
    const server = await serve({ records: GENUINE, onQuery: only("A") });
    const resolver = asking([server], { search: ["one.test"], timeout: 30_000 });
    await expect(resolver.resolve("none")).rejects.toMatchObject({ code: "DNS_NOT_FOUND" });
    expect(names(server)).toEqual(["none.one.test", "none"]);
  });
});

describe("an answer that is none is ignored:", () => {
  const forged = (query: DnsQuery, parts: Partial<DnsQuery> = {}) =>
    encodeReply(
      { ...query, ...parts },
      { answers: [{ type: "A", name: parts.name ?? query.name, ttl: 60, data: "192.0.2.66" }] },
    );
  const cases: [what: string, forge: (query: DnsQuery, fromRecords: Buffer) => Buffer, said: string][] = [
    ["another id", (query) => forged(query, { id: query.id ^ 1 }), "it has another id"],
    ["another name", (query) => forged(query, { name: "b.test" }), 'about another question: "b.test"'],
    ["another type", (query) => forged(query, { type: "TXT" }), 'about another question: "a.test" TXT'],
    ["another class", altered((bytes) => bytes.writeUInt16BE(3, 22)), "about another question"],
    ["no question", altered((bytes) => bytes.writeUInt16BE(0, 4)), "it repeats no question"],
    ["a query", altered((bytes) => bytes.writeUInt8(1, 2)), "it is a query"],
    ["an empty packet", () => Buffer.alloc(0), "it has only 0 bytes"],
    ["garbage", () => Buffer.alloc(100, 0xc1), "it has another id|it cannot be decoded|a query"],
    ["counts that lie", altered((bytes) => bytes.writeUInt16BE(9, 6)), "it ends"],
  ];

  test.each(cases)("%s, before the genuine answer", async (_, forge) => {
    const onQuery = (query: DnsQuery, genuine: Buffer) => [forge(query, genuine), genuine];
    const server = await serve({ records: GENUINE, onQuery });
    expect(await addresses(asking([server]), "a.test")).toEqual(BOTH);
    expect(server.queries).toHaveLength(2);
  });

  test("what it was is named in the error when nothing better comes", async () => {
    const servers = await Promise.all(cases.map(([, forge]) => serve({ records: GENUINE, onQuery: forge })));
    const asked = servers.map((server) => asking([server], { timeout: 200 }).resolve("a.test"));
    const errors = await Promise.all(asked.map((resolving) => resolving.catch((error) => error)));
    for (const [index, [, , said]] of cases.entries())
      expect(errors[index]).toMatchObject({ code: "DNS_MALFORMED", message: expect.stringMatching(said) });
  });

  test("one from another address than the server's", async () => {
    const server = await serve({
      records: GENUINE,
      onQuery: async (query, genuine) => {
        const socket = createSocket("udp4");
        await new Promise((sent) => socket.send(forged(query), query.port, "127.0.0.1", sent));
        socket.close();
        return genuine;
      },
    });
    expect(await addresses(asking([server]), "a.test")).toEqual(BOTH);
  });

  test("the genuine one cut off at whatever byte", async () => {
    const onQuery = ({ name }: DnsQuery, genuine: Buffer) => {
      const cut = Number(name.slice(1, -".test".length));
      return [genuine.subarray(0, Math.min(cut, genuine.length)), genuine];
    };
    // An answer with an IPv6 address is some 80 bytes long.
    const cuts = Array.from({ length: 100 }, (_, cut) => `c${cut}.test`);
    const records = Object.fromEntries(cuts.map((name) => [name, GENUINE["a.test"]]));
    const resolver = asking([await serve({ records, onQuery })]);
    for (const name of cuts) expect(await addresses(resolver, name)).toEqual(BOTH);
  });

  test("the genuine one malformed at whatever byte, before itself", async () => {
    const onQuery = ({ name }: DnsQuery, genuine: Buffer) => {
      const at = Number(name.slice(1, -".test".length));
      const changes: [number, number][] = [[(at + 0.5) / genuine.length, (genuine[at] ?? 0) ^ 0xff]];
      return at < genuine.length ? [damaged(genuine, { changes, cut: null }), genuine] : genuine;
    };
    const all = Array.from({ length: 100 }, (_, at) => `m${at}.test`);
    const records = Object.fromEntries(all.map((name) => [name, GENUINE["a.test"]]));
    const resolver = asking([await serve({ records, onQuery })], { timeout: 500 });
    for (const name of all) {
      // A message that still is an answer counts, be it to deny or to fail; it never brings another address.
      const found = await addresses(resolver, name).catch((error) => error);
      if (Array.isArray(found)) expect(BOTH).toEqual(expect.arrayContaining(found));
      else expect(found.code).toMatch(/^DNS_/);
    }
  });

  test("whatever bytes are changed: the end is an error or the genuine addresses", async () => {
    const change = fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(255));
    const damage = fc.record({
      changes: fc.array(change, { maxLength: 3 }),
      cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    });
    let byName = new Map<string, (genuine: Buffer) => Buffer>();
    const server = await serve({
      records: Object.fromEntries(
        Array.from({ length: 40 }, (_, index) => [`n${index}.test`, GENUINE["a.test"]]),
      ),
      onQuery: ({ name }, genuine) => byName.get(name)?.(genuine) ?? "default",
    });
    const property = fc.asyncProperty(fc.array(damage, { minLength: 40, maxLength: 40 }), async (damages) => {
      byName = new Map(damages.map((each, index) => [`n${index}.test`, (genuine) => damaged(genuine, each)]));
      const resolver = asking([server], { timeout: 50 });
      await Promise.all(
        [...byName.keys()].map(async (name) => {
          const found = await addresses(resolver, name).catch((error) => error);
          if (Array.isArray(found)) expect(BOTH).toEqual(expect.arrayContaining(found));
          else expect(found.code).toMatch(/^DNS_/);
        }),
      );
    });
    await fc.assert(property, { numRuns: 15 });
  });
});

/** `genuine` with bytes changed and cut, but for its addresses, which nothing in DNS protects. */
function damaged(
  genuine: Buffer,
  { changes, cut }: { changes: [number, number][]; cut: number | null },
): Buffer {
  const bytes = Buffer.from(genuine);
  const isAddress = (at: number) =>
    ADDRESS_BYTES.some((hex) => {
      const start = genuine.indexOf(hex, "hex");
      return start >= 0 && at >= start && at < start + hex.length / 2;
    });
  for (const [where, value] of changes) {
    const at = Math.floor(where * bytes.length);
    if (!isAddress(at)) bytes[at] = value;
  }
  return bytes.subarray(0, cut === null ? bytes.length : Math.ceil(cut * bytes.length));
}

describe("over TCP", () => {
  const many = Array.from({ length: 100 }, (_, index) => `192.0.2.${index + 1}`);
  const truncated = (query: DnsQuery) => encodeReply(query, { flags: 0x0200 });
  const overTcp =
    (reply: (query: DnsQuery, genuine: Buffer) => Buffer | Buffer[] | "silent" | "default") =>
    (query: DnsQuery, genuine: Buffer) =>
      query.transport === "udp" ? truncated(query) : reply(query, genuine);

  test("an answer comes that is too long for UDP, in pieces, and four of its addresses count", async () => {
    const server = await serve({ records: { "big.test": { A: many } } });
    expect(await addresses(asking([server]), "big.test")).toEqual(many.slice(0, 4));
    expect(server.queries.filter(({ transport }) => transport === "tcp")).toHaveLength(1);
    await expect.poll(server.connections).toBe(0);
  });

  test("an answer of 50 addresses counts for four of them", async () => {
    const fifty = many.slice(0, 50);
    const server = await serve({ records: { "big.test": { A: fifty } } });
    expect(await addresses(asking([server]), "big.test")).toEqual(fifty.slice(0, 4));
  });

  test("two answers in one connection are told apart", async () => {
    const onQuery = overTcp((query, genuine) => [encodeReply({ ...query, id: query.id ^ 1 }), genuine]);
    const server = await serve({ records: GENUINE, onQuery });
    expect(await addresses(asking([server]), "a.test")).toEqual(BOTH);
  });

  test.each([
    ["silence ends as a time-out", silent, "DNS_TIMEOUT", /did not answer/],
    ["a closed connection is the server's failure", () => [], "DNS_SERVER_FAILURE", /closed the connection/],
    ["a truncated answer is none", truncated, "DNS_MALFORMED", /truncated even over TCP/],
    ["garbage is ignored", () => Buffer.alloc(3), "DNS_MALFORMED", /only 3 bytes/],
  ])("%s", async (_, reply, code, message) => {
    const server = await serve({ records: GENUINE, onQuery: overTcp(reply) });
    await expect(asking([server], { timeout: 250 }).resolve("a.test")).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    await expect.poll(server.connections).toBe(0);
  });

  test("a server that fails is followed by the next", async () => {
    const bad = await serve({ onQuery: overTcp(() => []) });
    const good = await serve({ records: GENUINE });
    expect(await addresses(asking([bad, good]), "a.test")).toEqual(BOTH);
  });
});

describe("aliases", () => {
  test("are followed, and the name that answered is the asked one", async () => {
    const records = { ...GENUINE, "b.test": { CNAME: "c.test" }, "c.test": { CNAME: "A.test" } };
    const server = await serve({ records });
    const found = await asking([server]).resolve("b.test");
    expect(found.addresses.map(formatAddress)).toEqual(BOTH);
    expect(found.name).toBe("b.test");
    expect(names(server)).toEqual(["b.test"]);
  });

  test("whose end the server left out are asked for", async () => {
    const onQuery = (query: DnsQuery) =>
      query.name === "b.test"
        ? encodeReply(query, { answers: [alias("b.test", "a.test")] })
        : ("default" as const);
    const server = await serve({ records: GENUINE, onQuery });
    expect(await addresses(asking([server]), "b.test")).toEqual(BOTH);
    expect(names(server)).toEqual(["b.test", "a.test"]);
  });

  test("in a circle are an error that names it", async () => {
    const server = await serve({ records: { "b.test": { CNAME: "c.test" }, "c.test": { CNAME: "b.test" } } });
    await expect(asking([server]).resolve("b.test")).rejects.toMatchObject({
      code: "DNS_MALFORMED",
      message: expect.stringContaining("in a circle: b.test to c.test to b.test"),
    });
  });

  test("that never end are given up after eight", async () => {
    const onQuery = (query: DnsQuery) =>
      encodeReply(query, { answers: [alias(query.name, `x${query.name}`)] });
    const server = await serve({ onQuery });
    await expect(asking([server]).resolve("b.test")).rejects.toMatchObject({
      code: "DNS_MALFORMED",
      message: expect.stringContaining("more than 8 aliases"),
    });
    expect(server.queries.length).toBeLessThanOrEqual(18);
  });

  test("to a name without addresses are no address, to none at all are not found", async () => {
    const records = { "b.test": { CNAME: "c.test" }, "c.test": {}, "d.test": { CNAME: "none.test" } };
    for (const negativeTtl of [60, undefined]) {
      const server = await serve({ records, ...(negativeTtl === undefined ? {} : { negativeTtl }) });
      await expect(asking([server]).resolve("b.test")).rejects.toMatchObject({ code: "DNS_NO_ADDRESS" });
    }
    const server = await serve({
      onQuery: (query) => encodeReply(query, { rcode: 3, answers: [alias("d.test", "x.test")] }),
    });
    await expect(asking([server]).resolve("d.test")).rejects.toMatchObject({ code: "DNS_NOT_FOUND" });
  });

  test("do not lend their name to records of others", async () => {
    const stray: Answer = { type: "A", name: "other.test", ttl: 60, data: "192.0.2.66" };
    const server = await serve({ onQuery: (query) => encodeReply(query, { answers: [stray] }) });
    await expect(asking([server]).resolve("a.test")).rejects.toMatchObject({ code: "DNS_NO_ADDRESS" });
  });
});

test("a link-local server of resolv.conf is asked over the interface of its zone", async () => {
  const folder = await mkdtemp(join(tmpdir(), "nearsource-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const resolvConf = join(folder, "resolv.conf");
  const hostsFile = "/nowhere/hosts";
  for (const server of ["fe80::53%nowhere", "fe80::53%lo"]) {
    // The size tells the two apart, if the time does not.
    await writeFile(resolvConf, `nameserver ${server}\n`);
    const resolver = createResolver({ resolvConf, hostsFile, timeout: 200 });
    await expect(resolver.resolve("a.test")).rejects.toThrow(server);
  }
});

test("a pause of this program is not held against the family that is still on its way", async () => {
  const onQuery = async ({ type }: DnsQuery) => {
    if (type === "A") return "default" as const;
    // The other family's answer is being waited for by now, when the whole program stands still.
    await delay(20);
    await setImmediate();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    return "default" as const;
  };
  expect(await addresses(asking([await serve({ records: GENUINE, onQuery })]), "a.test")).toEqual(BOTH);
});

describe("among servers", () => {
  test.each([
    ["fails (SERVFAIL)", 2],
    ["refuses", 5],
    ["does not understand", 1],
  ])("one that %s is followed by the next, and not asked twice", async (_, rcode) => {
    const bad = await serve({ onQuery: (query) => encodeReply(query, { rcode }) });
    const good = await serve({ records: GENUINE });
    const found = await asking([bad, good]).resolve("a.test");
    expect(found.server).toBe(good.address);
    expect(bad.queries.filter(({ edns }) => edns)).toHaveLength(2);
  });

  test("one whose port is closed is followed by the next at once", async () => {
    const gone = await startDnsServer();
    await gone.close();
    const good = await serve({ records: GENUINE });
    const found = await asking([gone, good], { timeout: 30_000 }).resolve("a.test");
    expect(found.server).toBe(good.address);
    await expect(asking([gone], { timeout: 30_000 }).resolve("a.test")).rejects.toMatchObject({
      code: "DNS_SERVER_FAILURE",
      message: expect.stringContaining(`${gone.address} refused the connection`),
    });
  });

  test("all that fail are named with what they said", async () => {
    const one = await serve({ onQuery: (query) => encodeReply(query, { rcode: 2 }) });
    const two = await serve({ onQuery: (query) => encodeReply(query, { rcode: 5 }) });
    await expect(asking([one, two]).resolve("a.test")).rejects.toMatchObject({
      code: "DNS_SERVER_FAILURE",
      message: `no DNS server could answer for "a.test": ${one.address} answered SERVFAIL, ${two.address} answered REFUSED`,
    });
  });

  test("one that has no such name is believed", async () => {
    const one = await serve();
    const two = await serve({ records: GENUINE });
    await expect(asking([one, two]).resolve("a.test")).rejects.toMatchObject({
      code: "DNS_NOT_FOUND",
      message: `DNS server ${one.address} knows no name "a.test"`,
    });
    expect(two.queries).toEqual([]);
  });

  test("a silent one comes last for 30 seconds", async () => {
    let time = 0;
    const records = { "b.test": { A: ["192.0.2.1"] }, "c.test": { A: ["192.0.2.1"] }, ...GENUINE };
    const mute = await serve({ onQuery: silent });
    const good = await serve({ records });
    const resolver = asking([mute, good], { timeout: 250, now: () => time });
    expect((await resolver.resolve("a.test")).server).toBe(good.address);
    expect(names(mute)).toEqual(["a.test"]);
    time = 29_999;
    await resolver.resolve("b.test");
    expect(names(mute)).toEqual(["a.test"]);
    time = 30_001;
    await resolver.resolve("c.test");
    expect(names(mute)).toEqual(["a.test", "c.test"]);
  });
});

describe("what is kept", () => {
  const within = async (ttl: number, query = "a.test", options: DnsServerOptions = {}) => {
    let time = 0;
    const server = await serve({ records: { "a.test": { A: ["192.0.2.7"], ttl } }, ...options });
    const resolver = asking([server], { now: () => time });
    const askedAt = async (at: number) => {
      time = at;
      const before = server.queries.length;
      await resolver.resolve(query).catch(() => {});
      return server.queries.length > before;
    };
    return { askedAt, resolver, server };
  };

  test.each([
    ["its TTL", 60, 60_000],
    ["five seconds at least", 0, 5_000],
    ["five seconds when the TTL's top bit is set", 2 ** 31, 5_000],
    ["five seconds when the TTL is the greatest of all", 2 ** 32 - 1, 5_000],
    ["an hour at most", 86_400, 3_600_000],
    ["an hour at most of the greatest TTL without its top bit", 2 ** 31 - 1, 3_600_000],
  ])("is an answer for %s", async (_, ttl, ms) => {
    const { askedAt, resolver } = await within(ttl);
    expect([await askedAt(0), await askedAt(ms - 1), await askedAt(ms)]).toEqual([true, false, true]);
    expect((await resolver.resolve("a.test")).ttl).toBe(ms);
  });

  test("tells how long it still holds", async () => {
    const { askedAt, resolver } = await within(60);
    await askedAt(0);
    await askedAt(20_000);
    expect((await resolver.resolve("a.test")).ttl).toBe(40_000);
  });

  test("is an answer through an alias for the shortest TTL of the chain", async () => {
    const records = { "a.test": { CNAME: "b.test", ttl: 10 }, "b.test": { A: ["192.0.2.1"], ttl: 90 } };
    const { askedAt } = await within(0, "a.test", { records });
    expect([await askedAt(0), await askedAt(9_999), await askedAt(10_000)]).toEqual([true, false, true]);
  });

  test.each([
    ["as the SOA record says", 60, 60_000],
    ["five seconds at least", 0, 5_000],
    ["five minutes at most", 86_400, 300_000],
    ["five seconds without an SOA record", undefined, 5_000],
  ])("is a denial for as long %s", async (_, negativeTtl, ms) => {
    const records = { "none.test": {} };
    for (const name of ["no.test", "none.test"]) {
      const options = negativeTtl === undefined ? { records } : { records, negativeTtl };
      const { askedAt } = await within(0, name, options);
      expect([await askedAt(0), await askedAt(ms - 1), await askedAt(ms)]).toEqual([true, false, true]);
    }
  });

  test("is no failure", async () => {
    const { askedAt } = await within(0, "a.test", { onQuery: (query) => encodeReply(query, { rcode: 2 }) });
    expect([await askedAt(0), await askedAt(0)]).toEqual([true, true]);
  });

  test("is a thousand names, and the oldest gives way", async () => {
    const { resolver, server } = await within(60);
    const ask = (name: string) => resolver.resolve(name).catch(() => {});
    await ask("a.test");
    for (let batch = 0; batch < 10; batch++)
      await Promise.all(Array.from({ length: 100 }, (_, index) => ask(`n${batch}-${index}.test`)));
    const before = server.queries.length;
    await ask("n9-99.test");
    expect(server.queries).toHaveLength(before);
    await ask("a.test");
    expect(server.queries).toHaveLength(before + 2);
  });

  test("is asked for once, however many ask at the same time", async () => {
    const server = await serve({ records: GENUINE });
    const resolver = asking([server]);
    const all = await Promise.all(Array.from({ length: 20 }, () => addresses(resolver, "a.test")));
    expect(all.every((found) => found.length === 2)).toBe(true);
    expect(server.queries).toHaveLength(2);
  });
});

describe("aborting", () => {
  const reason = new Error("no longer wanted");
  const udpSockets = () => process.getActiveResourcesInfo().filter((name) => name === "UDPWrap").length;

  /** A server that says when it was asked, and answers nothing. */
  async function muteServer(reply: (query: DnsQuery) => Buffer | "silent" = silent) {
    const asked = Promise.withResolvers<void>();
    const server = await serve({
      onQuery: (query) => {
        if (reply(query) === "silent") asked.resolve();
        return reply(query);
      },
    });
    return { server, asked: asked.promise };
  }

  test("ends the wait with the signal's reason, and closes the sockets", async () => {
    const { server, asked } = await muteServer();
    const controller = new AbortController();
    const resolving = asking([server], { timeout: 30_000 }).resolve("a.test", controller.signal);
    await asked;
    await expect.poll(udpSockets).toBe(3);
    controller.abort(reason);
    await expect(resolving).rejects.toBe(reason);
    await expect.poll(udpSockets).toBe(1);
  });

  test("closes a TCP connection too", async () => {
    const { server, asked } = await muteServer((query) =>
      query.transport === "udp" ? encodeReply(query, { flags: 0x0200 }) : "silent",
    );
    const controller = new AbortController();
    const resolving = asking([server], { timeout: 30_000 }).resolve("a.test", controller.signal);
    await asked;
    controller.abort(reason);
    await expect(resolving).rejects.toBe(reason);
    await expect.poll(server.connections).toBe(0);
  });

  test("beforehand asks nobody", async () => {
    const server = await serve({ records: GENUINE });
    await expect(asking([server]).resolve("a.test", AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(server.queries).toEqual([]);
  });

  /** A signal, and when somebody began to listen for it. */
  function watchedSignal() {
    const controller = new AbortController();
    const { signal } = controller;
    const listens = Promise.withResolvers<void>();
    const listen = signal.addEventListener.bind(signal) as (...args: unknown[]) => void;
    signal.addEventListener = (...args: unknown[]) => {
      listen(...args);
      listens.resolve();
    };
    return { controller, signal, joined: listens.promise };
  }

  test.each(["the first", "the second"])("by %s of two who wait leaves the other its answer", async (who) => {
    const release = Promise.withResolvers<void>();
    const server = await serve({
      records: GENUINE,
      onQuery: async () => {
        await release.promise;
        return "default" as const;
      },
    });
    const resolver = asking([server], { timeout: 30_000 });
    const [first, second] = [watchedSignal(), watchedSignal()];
    const all = [];
    for (const { signal, joined } of [first, second]) {
      all.push(resolver.resolve("a.test", signal).catch((error) => error));
      // Both look into the hosts file before they wait for one answer, in whatever order the disk replies.
      await joined;
    }
    const [leaving, staying] = who === "the first" ? all : all.toReversed();
    (who === "the first" ? first : second).controller.abort(reason);
    expect(await leaving).toBe(reason);
    release.resolve();
    expect((await staying).addresses.map(formatAddress)).toEqual(BOTH);
    expect(server.queries).toHaveLength(2);
  });

  test("leaves nothing behind for who asks next", async () => {
    let mute = true;
    const asked = Promise.withResolvers<void>();
    const server = await serve({
      records: GENUINE,
      onQuery: () => {
        asked.resolve();
        return mute ? ("silent" as const) : ("default" as const);
      },
    });
    const resolver = asking([server], { timeout: 30_000 });
    const controller = new AbortController();
    const resolving = resolver.resolve("a.test", controller.signal);
    await asked.promise;
    mute = false;
    controller.abort(reason);
    const next = addresses(resolver, "a.test");
    await expect(resolving).rejects.toBe(reason);
    expect(await next).toEqual(BOTH);
  });
});

test("after an answer nothing keeps the process alive", async () => {
  const onQuery = ({ type }: DnsQuery) => (type === "A" ? ("default" as const) : ("silent" as const));
  const server = await serve({ records: GENUINE, onQuery });
  const program = `
    import { createResolver } from ${JSON.stringify(new URL("../../src/dns/resolver.ts", import.meta.url))};
    const resolver = createResolver({ servers: [${JSON.stringify(server.address)}], search: [], timeout: 3_600_000 });
    console.log((await resolver.resolve("a.test")).addresses.length);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk) => output.push(chunk));
  expect(await once(child, "close")).toEqual([0, null]);
  expect(Buffer.concat(output).toString()).toBe("1\n");
});

describe("as node:net's lookup", () => {
  const look = (resolver: Resolver, host: string, options: object) =>
    new Promise<unknown[]>((done) => toLookup(resolver)(host, options, (...results) => done(results)));

  test("it gives one address, or all of them, of the family that is wanted", async () => {
    const resolver = asking([await serve({ records: GENUINE })]);
    const six = { address: "2001:db8::7", family: 6 };
    const four = { address: "192.0.2.7", family: 4 };
    expect(await look(resolver, "a.test", {})).toEqual([null, six.address, 6]);
    expect(await look(resolver, "a.test", { all: true })).toEqual([null, [six, four]]);
    expect(await look(resolver, "a.test", { family: 4 })).toEqual([null, four.address, 4]);
    expect(await look(resolver, "a.test", { family: "IPv6", all: true })).toEqual([null, [six]]);
    expect(await look(resolver, "a.test", { family: 0, all: true })).toEqual([null, [six, four]]);
  });

  test("it hands errors on", async () => {
    const resolver = asking([await serve({ records: { "a.test": { A: ["192.0.2.7"] } } })]);
    expect((await look(resolver, "b.test", {}))[0]).toMatchObject({ code: "DNS_NOT_FOUND" });
    expect((await look(resolver, "a.test", { family: 6 }))[0]).toMatchObject({
      code: "DNS_NO_ADDRESS",
      message: '"a.test" has no IPv6 address',
    });
  });

  test("a connection by name goes to the address", async () => {
    const server = await serve({ records: { "here.test": { A: ["127.0.0.1"] } } });
    const listener = createServer((socket: Socket) => socket.end("hello")).listen(0, "127.0.0.1");
    onTestFinished(() => void listener.close());
    await once(listener, "listening");
    const { port } = listener.address() as { port: number };
    const socket = connect({ host: "here.test", port, lookup: toLookup(asking([server])) });
    const [data] = await once(socket, "data");
    expect(String(data)).toBe("hello");
  });
});
