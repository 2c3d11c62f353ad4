import { execFile, spawnSync } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import type { Report } from "../../src/core/report.ts";
import { PROGRAM } from "../support/program.ts";
import { expectInstalled, expectTidy, makeAgent, sharedWorld } from "../support/world.ts";
import type { Came, Inside, InsideSource } from "./insideNamespace.ts";

/** The reason why there can be no network namespace here; undefined if there can. */
function whyNot(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  const setUp = "ip link set lo up && nft add table inet t";
  const tried = spawnSync("unshare", ["--map-root-user", "--net", "sh", "-c", setUp], { encoding: "utf8" });
  return tried.status === 0 ? undefined : `unshare, ip or nft cannot be used: ${tried.stderr ?? tried.error}`;
}

const reason = whyNot();
if (reason !== undefined) console.warn(`test/real/namespace.test.ts is skipped: ${reason}`);

const stage = sharedWorld();

const INSIDE = path.resolve("test/real/insideNamespace.ts");
const GOOD = "198.51.100.9";
const PORT = 8080;

interface Met {
  report: Report;
  came: Came;
}

interface Case extends Partial<Pick<Inside, "addresses" | "drop" | "names">> {
  /** Host of the source that is asked first. */
  first: string;
  sources?: (Omit<InsideSource, "www" | "port"> & { port?: number })[];
  http?: Record<string, number>;
}

/**
 * Inside a namespace of its own: an update by the real program, first from `first`, then from a good
 * source at a public address, which delivers it. The good source is the first of `requests`.
 */
async function meet({
  first,
  addresses = [],
  drop = [],
  names = {},
  sources = [],
  http = {},
}: Case): Promise<Met> {
  const agent = await makeAgent(stage.world, {
    sources: { first: `http://${first}:${PORT}`, good: `http://${GOOD}:${PORT}` },
    installed: 1,
    config: { dns: { servers: ["127.0.0.1"], search: [] }, http },
  });
  const good = { host: GOOD };
  const inside: Inside = {
    addresses: [`${GOOD}/32`, ...addresses],
    drop,
    names,
    sources: [good, ...sources].map((source) => ({ port: PORT, www: stage.world.www(2), ...source })),
    command: [process.execPath, PROGRAM, "update", "--json", "--config", agent.configFile],
  };
  const args = ["--map-root-user", "--net", process.execPath, INSIDE, JSON.stringify(inside)];
  const { stdout } = await promisify(execFile)("unshare", args);
  const came: Came = JSON.parse(stdout);
  expect(came.code, came.stderr).toBe(0);
  await expectInstalled(agent, 2);
  await expectTidy(agent);
  return { report: JSON.parse(came.stdout), came };
}

const codes = ({ report }: Met) => report.attempts.map(({ code, outcome }) => code ?? outcome);

describe.skipIf(reason !== undefined).concurrent("in a network namespace,", () => {
  test("a source whose firewall drops every SYN is passed over after the connect time-out", async () => {
    const met = await meet({
      first: "198.51.100.1",
      addresses: ["198.51.100.1/32"],
      drop: [`ip daddr 198.51.100.1 tcp dport ${PORT} drop`],
      sources: [{ host: "198.51.100.1" }],
      http: { connectTimeout: 800 },
    });
    expect(codes(met)).toEqual(["CONNECTION_TIMEOUT", "delivered"]);
    expect(met.came.requests[1]).toBe(0);
  });

  test("a source that is cut off in mid-transfer is passed over when nothing more comes", async () => {
    const met = await meet({
      first: "198.51.100.1",
      addresses: ["198.51.100.1/32"],
      drop: [`ip saddr 198.51.100.1 tcp sport ${PORT} quota over 20000 bytes drop`],
      sources: [{ host: "198.51.100.1" }],
      http: { responseTimeout: 1_500, stallTimeout: 1_500 },
    });
    expect(met.report.attempts.map(({ name }) => name)).toEqual(["first", "good"]);
    // By what was under way when the quota was used up: a body, a head, or another connection.
    expect(["STALLED", "RESPONSE_TIMEOUT", "CONNECTION_TIMEOUT"]).toContain(codes(met)[0]);
  });

  test.for([
    ["rejects with a reset", "reject with tcp reset", "CONNECTION_REFUSED"],
    ["rejects as unreachable", "reject with icmp type host-unreachable", "HOST_UNREACHABLE"],
    ["rejects as prohibited", "reject with icmp type admin-prohibited", "HOST_UNREACHABLE"],
  ] as const)("a source whose firewall %s is passed over at once", async ([, verdict, code]) => {
    const met = await meet({
      first: "198.51.100.1",
      addresses: ["198.51.100.1/32"],
      drop: [`ip daddr 198.51.100.1 tcp dport ${PORT} ${verdict}`],
    });
    expect(codes(met)).toEqual([code, "delivered"]);
  });

  test.for(["203.0.113.77", "[2001:db8::77]"])(
    "a source that no route leads to is passed over: %s",
    async (first) => {
      expect(codes(await meet({ first }))).toEqual(["HOST_UNREACHABLE", "delivered"]);
    },
  );

  test("of a name's addresses the first drops every SYN, and the second delivers", async () => {
    const met = await meet({
      first: "ua.test",
      addresses: ["198.51.100.1/32", "198.51.100.2/32"],
      names: { "ua.test": ["198.51.100.1", "198.51.100.2"] },
      drop: [`ip daddr 198.51.100.1 tcp dport ${PORT} drop`],
      sources: [{ host: "198.51.100.2" }],
    });
    expect(met.report.attempts).toMatchObject([
      { name: "first", outcome: "delivered", address: "198.51.100.2" },
    ]);
  });

  test("of a name's addresses the IPv6 one drops every SYN, and the IPv4 one delivers", async () => {
    const met = await meet({
      first: "ua.test",
      addresses: ["2001:db8::1/128", "198.51.100.2/32"],
      names: { "ua.test": ["2001:db8::1", "198.51.100.2"] },
      drop: [`ip6 daddr 2001:db8::1 tcp dport ${PORT} drop`],
      sources: [{ host: "198.51.100.2" }],
    });
    expect(met.report.attempts).toMatchObject([
      { name: "first", outcome: "delivered", address: "198.51.100.2" },
    ]);
  });

  /** Addresses that a source on the internet may not lead to, though a server answers there. */
  const inner = [
    ["this machine", "127.0.0.1", "http://127.0.0.1:8081"],
    ["this machine in IPv6", "::1", "http://[::1]:8081"],
    ["this machine as an IPv4-mapped address", "127.0.0.1", "http://[::ffff:127.0.0.1]:8081"],
    ["this machine as any address", "127.0.0.1", "http://0.0.0.0:8081"],
    ["the link, where clouds keep secrets", "169.254.169.254", "http://169.254.169.254:8081"],
    ["the link in IPv6", "fe80::1%lo", "http://[fe80::1]:8081"],
    ["a private network", "10.0.0.7", "http://10.0.0.7:8081"],
    ["a private network in IPv6", "fd00::7", "http://[fd00::7]:8081"],
    ["a carrier's network", "100.64.0.7", "http://100.64.0.7:8081"],
    ["this machine by a name", "127.0.0.1", "http://rebind.test:8081"],
    ["the link by a name", "169.254.169.254", "http://metadata.test:8081"],
    ["a private network by a name", "10.0.0.7", "http://intranet.test:8081"],
    ["this machine by localhost", "127.0.0.1", "http://localhost:8081"],
  ] as const;

  test.for(inner)(
    "a source on the internet that redirects to %s is passed over, and nobody there asked",
    async ([, host, redirectTo]) => {
      const met = await meet({
        first: "ua.test",
        addresses: [
          "93.184.215.14/32",
          "169.254.169.254/32",
          "10.0.0.7/32",
          "100.64.0.7/32",
          "fd00::7/128",
          "fe80::1/128",
        ],
        names: {
          "ua.test": ["93.184.215.14"],
          "rebind.test": ["127.0.0.1", "::1"],
          "metadata.test": ["169.254.169.254"],
          "intranet.test": ["10.0.0.7"],
        },
        sources: [
          { host: "93.184.215.14", redirectTo },
          { host, port: 8081 },
        ],
      });
      expect(codes(met)).toEqual(["ADDRESS_REFUSED", "delivered"]);
      expect(met.came.requests[2]).toBe(0);
    },
  );

  test("a redirect to a name with one inner and one outer address connects to the outer one alone", async () => {
    const met = await meet({
      first: "ua.test",
      addresses: ["93.184.215.14/32", "93.184.215.15/32"],
      names: { "ua.test": ["93.184.215.14"], "both.test": ["127.0.0.1", "93.184.215.15"] },
      sources: [
        { host: "93.184.215.14", redirectTo: "http://both.test:8081" },
        { host: "127.0.0.1", port: 8081 },
        { host: "93.184.215.15", port: 8081 },
      ],
    });
    expect(codes(met)).toEqual(["delivered"]);
    expect(met.came.requests.slice(2)).toEqual([0, 2]);
  });

  test("a source in a private network may redirect within it", async () => {
    const met = await meet({
      first: "10.0.0.6",
      addresses: ["10.0.0.6/32", "10.0.0.7/32"],
      sources: [
        { host: "10.0.0.6", redirectTo: "http://10.0.0.7:8081" },
        { host: "10.0.0.7", port: 8081 },
      ],
    });
    expect(codes(met)).toEqual(["delivered"]);
  });
});
