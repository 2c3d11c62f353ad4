import { execFile, spawnSync } from "node:child_process";
import { promises as fs } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import type { Report } from "../../src/core/report.ts";
import { initRepository } from "../../src/publisher/init.ts";
import { setDocument } from "../../src/publisher/setDocument.ts";
import { openDataDir } from "../../src/store/openDataDir.ts";
import { PROGRAM } from "../support/program.ts";
import {
  type Agent,
  expectInstalled,
  LARGE,
  makeAgent,
  objectOf,
  sharedWorld,
  writeJson,
} from "../support/world.ts";
import type { BranchOffice, BranchOfficeCame } from "./insideBranchOffice.ts";

/** The reason why there can be no network namespace here; undefined if there can. */
function whyNot(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  const tried = spawnSync("unshare", ["--map-root-user", "--net", "ip", "link", "set", "lo", "up"]);
  return tried.status === 0 ? undefined : "unshare or ip cannot be used";
}

const reason = whyNot();
if (reason !== undefined) console.warn(`test/real/branchOffice.test.ts is skipped: ${reason}`);

const stage = sharedWorld({ large: true });

const SERVER = { host: "198.51.100.9", port: 8080 };
const UPDATE_AGENTS = ["10.1.0.5", "10.1.0.6"];
const CLIENTS = ["10.1.0.21", "10.1.0.22", "10.1.0.23"];

/** The server's files: the second publication, and settings that make the office. */
async function makeServer(): Promise<{ www: string; root: string }> {
  const www = path.join(stage.world.folder, "server");
  await fs.cp(stage.world.www(2), www, { recursive: true });
  await initRepository({ dir: www, repository: "settings" });
  const settings = {
    "source-list": {
      version: 1,
      entries: UPDATE_AGENTS.map((host, index) => ({
        range: "10.1.0.0/24",
        name: `ua-${index + 1}`,
        url: `http://${host}:21112`,
      })),
      updateAgentsOnlyFromServer: true,
    },
    "update-agents": { agents: UPDATE_AGENTS.map((id) => ({ id, kinds: ["components"] })) },
  };
  for (const [name, document] of Object.entries(settings)) {
    const file = path.join(stage.world.folder, "document.json");
    await writeJson(file, document);
    await setDocument({ dir: www, name, file });
  }
  return { www, root: path.join(www, "settings/metadata/1.root.json") };
}

/** A member of the office at `host`, which is its id too. */
async function makeMember(root: string, host: string, config: object = {}): Promise<Agent> {
  const agent = await makeAgent(stage.world, { sources: {} });
  await writeJson(agent.configFile, {
    dataDir: "data",
    server: `http://${SERVER.host}:${SERVER.port}`,
    roots: { content: "root.json", settings: root },
    addresses: [host],
    kinds: ["components"],
    listen: { host },
    metrics: { port: null },
    policy: "policy.json",
    relay: { minFree: 0 },
    ...config,
  });
  // Nobody waits for a moment of its own.
  await writeJson(path.join(agent.folder, "policy.json"), { schedule: { interval: 86_400_000, splay: 0 } });
  await openDataDir(agent.dataDir);
  const state = { agentId: host, fresh: {}, failed: {}, etags: {} };
  await writeJson(path.join(agent.dataDir, "state.json"), state);
  return agent;
}

describe.skipIf(reason !== undefined)("a branch office of two Update Agents", () => {
  test("keeps its link free, loses nothing when one is killed in mid-transfer, and has it back", async () => {
    const { www, root } = await makeServer();
    const updateAgents = await Promise.all(UPDATE_AGENTS.map((host) => makeMember(root, host)));
    const slow = { http: { rateLimit: 3_000_000 } };
    const clients = await Promise.all(
      CLIENTS.map((host, index) => makeMember(root, host, index === 1 ? slow : {})),
    );
    const file = path.join(clients[1]?.dataDir ?? "", "partial", objectOf(2, "pattern"));
    const office: BranchOffice = {
      program: [process.execPath, PROGRAM],
      addresses: [SERVER.host, ...UPDATE_AGENTS, ...CLIENTS],
      server: { ...SERVER, www },
      updateAgents: updateAgents.map(({ configFile }, index) => ({
        config: configFile,
        host: UPDATE_AGENTS[index] ?? "",
      })),
      clients: clients.map(({ configFile }, index) => ({
        config: configFile,
        ...(index === 1 ? { killAt: { file, bytes: LARGE / 3 } } : {}),
      })),
    };
    const command = [
      "--map-root-user",
      "--net",
      process.execPath,
      path.resolve("test/real/insideBranchOffice.ts"),
    ];
    const { stdout } = await promisify(execFile)("unshare", [...command, JSON.stringify(office)]);
    const came: BranchOfficeCame = JSON.parse(stdout);
    const reports = came.clients.map(({ stdout, stderr }) => {
      expect(stdout, stderr).not.toBe("");
      return JSON.parse(stdout) as Report;
    });
    for (const client of clients) await expectInstalled(client, 2, ["rules", "pattern"]);
    // Not one object came over the link to the server.
    expect(came.clients.map(({ asked }) => asked)).toEqual([0, 0, 0]);
    const whoCame = reports.map(({ attempts }) => attempts.map(({ name, outcome }) => [name, outcome]));
    expect(whoCame).toEqual([
      [["ua-1", "delivered"]],
      [
        ["ua-1", "failed"],
        ["ua-2", "delivered"],
      ],
      [["ua-1", "delivered"]],
    ]);
    // Bytes that the killed one had sent are not fetched again.
    const [killed, survivor] = reports[1]?.attempts ?? [];
    expect(killed?.bytes).toBeGreaterThanOrEqual(LARGE / 3);
    expect((killed?.bytes ?? 0) + (survivor?.bytes ?? 0)).toBeLessThan(LARGE * 1.2);
  });
});
