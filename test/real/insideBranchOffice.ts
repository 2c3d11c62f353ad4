import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startSource } from "../support/source.ts";
import { killStarted, start } from "./startPrograms.ts";

/**
 * A branch office in a network namespace of its own: a server, two Update Agents as resident agents, and
 * clients one after the other. While the second fetches, the first Update Agent is killed.
 *
 *     unshare --map-root-user --net node insideBranchOffice.ts '{ "server": … }'
 */
export interface BranchOffice {
  /** Command line of the program, without its arguments. */
  program: string[];
  /** Addresses of all of them. */
  addresses: string[];
  server: { host: string; port: number; www: string };
  /** Configuration and address of each Update Agent. */
  updateAgents: { config: string; host: string }[];
  clients: {
    config: string /** Kill the first Update Agent once this file has so many bytes. */;
    killAt?: { file: string; bytes: number };
  }[];
}

/** The result, on stdout as JSON. */
export interface BranchOfficeCame {
  /** `update --json` of each client, and how many objects the server was asked for meanwhile. */
  clients: { stdout: string; stderr: string; asked: number }[];
}

const UPDATE_AGENT_PORT = 21_112;
const office: BranchOffice = JSON.parse(process.argv[2] ?? "");
const [program = "", ...args] = office.program;

/** A resident agent, once it serves every object there is. */
async function startUpdateAgent({ config, host }: BranchOffice["updateAgents"][number]) {
  const { child } = start(program, [...args, "agent", "--config", config]);
  for (const object of await objectsOf(office.server.www)) {
    const url = `http://${host}:${UPDATE_AGENT_PORT}/content/objects/${object.slice(0, 2)}/${object}`;
    while ((await fetch(url, { method: "HEAD" }).catch(() => undefined))?.status !== 200) await sleep(100);
  }
  return child;
}

async function objectsOf(www: string): Promise<string[]> {
  const names = await fs.readdir(path.join(www, "content/objects"), { recursive: true });
  return names.map((name) => path.basename(name)).filter((name) => name.length === 64);
}

async function main(): Promise<BranchOfficeCame> {
  execFileSync("ip", ["link", "set", "lo", "up"]);
  for (const address of office.addresses)
    execFileSync("ip", ["address", "add", `${address}/32`, "dev", "lo"]);
  const server = await startSource(office.server.www, office.server);
  const [first] = await Promise.all(office.updateAgents.map(startUpdateAgent));
  const clients: BranchOfficeCame["clients"] = [];
  for (const { config, killAt } of office.clients) {
    const before = server.objects().length;
    const { child, said } = start(program, [...args, "update", "--json", "--config", config]);
    const ended = once(child, "close");
    if (killAt !== undefined && first !== undefined) {
      const size = async () => (await fs.stat(killAt.file).catch(() => undefined))?.size ?? 0;
      while ((await size()) < killAt.bytes && child.exitCode === null) await sleep(20);
      first.kill("SIGKILL");
      await once(first, "close");
    }
    await ended;
    clients.push({ ...said(), asked: server.objects().length - before });
    // Nothing is lost with it: started again, it serves what it had.
    if (killAt !== undefined && office.updateAgents[0] !== undefined)
      await startUpdateAgent(office.updateAgents[0]);
  }
  return { clients };
}

const came = await main();
killStarted();
process.stdout.write(JSON.stringify(came), () => process.exit(0));
