import { execFileSync, spawn } from "node:child_process";
import { startDnsServer } from "../support/dnsServer.ts";
import { startSource } from "../support/source.ts";

/**
 * The part of a test inside a network namespace of its own, where every address can be this machine's and a
 * firewall can drop packets: starts sources, then runs a command beside them to its end.
 *
 *     unshare --map-root-user --net node insideNamespace.ts '{ "addresses": … }'
 */
export interface Inside {
  /** Addresses of this machine, such as `198.51.100.1/32`. */
  addresses: string[];
  /** nftables rules for what goes out. */
  drop: string[];
  sources: InsideSource[];
  /** Addresses by name, for the DNS server at 127.0.0.1:53. */
  names: Record<string, string[]>;
  command: string[];
}

export interface InsideSource {
  host: string;
  port: number;
  www: string;
  /** Objects are redirected to this base URL. */
  redirectTo?: string;
}

/** The result, on stdout as JSON. */
export interface Came {
  code: number | null;
  stdout: string;
  stderr: string;
  /** Number of requests to each source. */
  requests: number[];
}

const inside: Inside = JSON.parse(process.argv[2] ?? "");
const root = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: "pipe" });

root("ip", "link", "set", "lo", "up");
for (const address of inside.addresses) root("ip", "address", "add", address, "dev", "lo", "nodad");
if (inside.drop.length > 0) {
  root("nft", "add table inet t");
  root("nft", "add chain inet t out { type filter hook output priority 0; }");
  for (const rule of inside.drop) root("nft", `add rule inet t out ${rule}`);
}
const records = Object.entries(inside.names).map(([name, all]) => {
  return [
    name,
    { A: all.filter((each) => !each.includes(":")), AAAA: all.filter((each) => each.includes(":")) },
  ];
});
await startDnsServer({ records: Object.fromEntries(records), port: 53 });
const sources = await Promise.all(
  inside.sources.map(({ host, port, www, redirectTo }) =>
    startSource(www, {
      host,
      port,
      answer: ({ url = "" }, response) => {
        if (redirectTo === undefined || !url.includes("/objects/")) return false;
        response.writeHead(302, { location: redirectTo + url }).end();
        return true;
      },
    }),
  ),
);
const [program = "", ...args] = inside.command;
const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
let [stdout, stderr] = ["", ""];
child.stdout.setEncoding("utf8").on("data", (piece: string) => {
  stdout += piece;
});
child.stderr.setEncoding("utf8").on("data", (piece: string) => {
  stderr += piece;
});
child.on("close", (code) => {
  const came: Came = { code, stdout, stderr, requests: sources.map(({ requests }) => requests.length) };
  process.stdout.write(JSON.stringify(came), () => process.exit());
});
