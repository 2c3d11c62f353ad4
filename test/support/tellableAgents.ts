import { promises as fs } from "node:fs";
import path from "node:path";
import { Notifications } from "../../src/agent/channels/notifications.ts";
import { startListener } from "../../src/agent/channels/notifyPort.ts";
import { SILENT } from "../../src/config/log.ts";
import type { Listener } from "../../src/http/server.ts";
import { dataDirAt } from "../../src/store/dataDir.ts";
import { asScript, enrolMachine, type ServerWorld } from "./serverWorld.ts";

/** An agent of a server's world, that listens for notifications where it is told to. */
export interface TellableAgent {
  id: string;
  secret: string;
  name: string;
  /** Notifications that it verified and held to be new. */
  heard: string[];
  /** Verdicts on all that came. */
  verdicts: string[];
  /** Reports a run that it began just now. */
  report(run?: { outcome?: string; trigger?: string; started?: number; code?: string }): Promise<void>;
  close(): Promise<void>;
}

/**
 * Enrols agents of these addresses (127.0.0.x), each with a real notification port of its own, a data
 * directory, and the server's root as the one to trust.
 */
export async function tellableAgents(
  world: ServerWorld,
  token: string,
  given: { name: string; address: string; domain?: string; isOff?: boolean }[],
): Promise<TellableAgent[]> {
  const agents: TellableAgent[] = [];
  for (const each of given) agents.push(await tellableAgent(world, token, each));
  return agents;
}

async function tellableAgent(
  world: ServerWorld,
  token: string,
  { name, address, domain = "default", isOff = false }: Parameters<typeof tellableAgents>[2][number],
): Promise<TellableAgent> {
  const { id, secret } = await enrolMachine(world, token, { name, addresses: [address], domain });
  const heard: string[] = [];
  const verdicts: string[] = [];
  const listener = await listenAt(
    world,
    address,
    path.join(world.dir, "..", "agents", name),
    (text, verdict) => {
      verdicts.push(verdict);
      if (verdict === "new") heard.push(text);
    },
  );
  const report: TellableAgent["report"] = async (run = {}) => {
    const { outcome = "updated", trigger = "notify", started = world.clock.now, code } = run;
    const payload = {
      started: new Date(started).toISOString(),
      ended: new Date(started + 1_000).toISOString(),
      trigger,
      program: "0.1.0",
      port: listener.port,
      ...(code === undefined
        ? { report: { outcome, bytes: 1 } }
        : { failure: { code, message: "it failed" } }),
    };
    const request = { method: "PUT", url: `/v1/agents/${id}/report`, payload } as const;
    const { statusCode } = await world.agents.inject(asScript(request, secret));
    if (statusCode !== 204) throw new Error(`the report was answered ${statusCode}`);
  };
  // The port is known from a report; this one is of long before any notification.
  await report({ trigger: "schedule", started: world.clock.now - 86_400_000 });
  if (isOff) await listener.close();
  const close = async () => void (isOff || (await listener.close()));
  return { id, secret, name, heard, verdicts, report, close };
}

async function listenAt(
  world: ServerWorld,
  host: string,
  dir: string,
  onNotice: (text: string, verdict: string) => void,
): Promise<Listener> {
  await fs.mkdir(dir, { recursive: true });
  const root = path.join(world.context.trees.www, "settings", "metadata", "1.root.json");
  const now = () => Date.now();
  const notifications = new Notifications({
    dirs: dataDirAt(dir),
    roots: () => ({ settings: root, content: undefined }),
    now,
  });
  const receive = async (text: string) => {
    const verdict = await notifications.receive(text);
    onNotice(text, verdict);
    return verdict;
  };
  return await startListener({ host, port: 0, log: SILENT, receive, serve: () => undefined, now });
}
