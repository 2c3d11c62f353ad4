import { execFile, spawnSync } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { PROGRAM } from "../support/program.ts";
import { newFolder, sharedWorld } from "../support/world.ts";
import type { ConnectTimes, ConnectTimesCame } from "./insideConnectTimes.ts";

const NAMESPACES = ["--map-root-user", "--net", "--time", "--boottime", "864000", "--fork"];

/** The reason why the links cannot be made here; undefined if they can. */
function whyNot(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  const setUp = "ip link add v0 type veth peer name v1 && nft add table inet t";
  const tried = spawnSync("unshare", [...NAMESPACES, "sh", "-c", setUp], { encoding: "utf8" });
  return tried.status === 0 ? undefined : `unshare, ip or nft cannot be used: ${tried.stderr ?? tried.error}`;
}

const reason = whyNot();
if (reason !== undefined) console.warn(`test/real/connectTimes.test.ts is skipped: ${reason}`);

const stage = sharedWorld({ large: true });

describe.skipIf(reason !== undefined)("agents of one network, of which one is nearer to the server,", () => {
  test("report what their connections took, and that one is suggested as the Update Agent because of it", {
    timeout: 300_000,
  }, async () => {
    const agents = [1, 2, 3, 4, 5, 6].map((last) => `10.1.2.${last}`);
    // It reports first: by the time that it has run alone, any other would be preferred.
    const near = "10.1.2.1";
    const given: ConnectTimes = {
      program: [process.execPath, PROGRAM],
      folder: await newFolder(),
      www: stage.world.www(2),
      root: path.join(stage.world.www(1), "content", "metadata", "1.root.json"),
      ...{ agents, near },
    };
    const inside = path.resolve("test/real/insideConnectTimes.ts");
    const command = [...NAMESPACES, process.execPath, inside, JSON.stringify(given)];
    const { stdout } = await promisify(execFile)("unshare", command);
    const { connects, suggestions }: ConnectTimesCame = JSON.parse(stdout);
    for (const address of agents) {
      const [connectMs] = connects[address] ?? [];
      if (address === near) expect(connectMs).toBeLessThan(500);
      else expect(connectMs).toBeGreaterThan(900);
    }
    expect(suggestions).toMatchObject([
      {
        ...{ kind: "add", network: "10.1.2.0/24", agent: { name: "pc-0.example" } },
        entry: { range: "10.1.2.0/24", url: "http://pc-0.example:21112" },
      },
    ]);
    expect(suggestions[0].reason).toMatch(
      /^6 agents of 10\.1\.2\.0\/24 fetched .* over the link within a week at .*, 1\d{3} ms away; pc-0\.example has been up for 10 days, has .* free and is \d{1,3} ms from the server, others up to 1\d{3} ms: /,
    );
  });
});
