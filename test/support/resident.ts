import { promises as fs } from "node:fs";
import path from "node:path";
import { type Ended, type Running, start } from "../real/commandLine.ts";
import { type Agent, writeJson } from "./world.ts";

/** A resident agent under way: the real program. */
export interface ResidentProcess extends Running {
  /** Resolves with the first line on stderr, before or after the call, that matches. */
  said(pattern: RegExp): Promise<RegExpMatchArray>;
  /** All lines so far. */
  text(): string;
  /** The port at which it hears notifications. */
  port(): Promise<number>;
  /** SIGTERM, and how it ended. */
  stop(): Promise<Ended>;
}

/** Starts `nearsource agent`. */
export function startResident(
  agent: Pick<Agent, "configFile">,
  env: Record<string, string> = {},
): ResidentProcess {
  const running = start(["agent", "--config", agent.configFile], env);
  let text = "";
  const waiting = new Set<() => void>();
  running.process.stderr?.on("data", (piece: string) => {
    text += piece;
    for (const look of waiting) look();
  });
  const said = (pattern: RegExp) =>
    new Promise<RegExpMatchArray>((found, fail) => {
      const look = () => {
        const match = text.match(pattern);
        if (match === null) return;
        waiting.delete(look);
        found(match);
      };
      waiting.add(look);
      look();
      running.ended.then(() => fail(new Error(`the agent ended without saying ${pattern}:\n${text}`)));
    });
  const stop = () => {
    running.process.kill("SIGTERM");
    return running.ended;
  };
  const port = async () => Number((await said(/listening at port (\d+)/))[1]);
  return { ...running, said, text: () => text, port, stop };
}

/** Ends all of them at once, and forgets them. */
export async function killAll(residents: ResidentProcess[]): Promise<void> {
  for (const resident of residents.splice(0)) {
    resident.process.kill("SIGKILL");
    await resident.ended;
  }
}

/** Lets `agent` be a resident one with this policy: any free port, at once after a notification, once a day. */
export async function settle(agent: Agent, config: object = {}, policy: object = {}): Promise<void> {
  const written = JSON.parse(await fs.readFile(agent.configFile, "utf8"));
  const own = { listen: { host: "127.0.0.1", port: 0 }, metrics: { port: null }, policy: "policy.json" };
  await writeJson(agent.configFile, { ...written, ...own, ...config });
  await writeJson(path.join(agent.folder, "policy.json"), {
    schedule: { interval: 86_400_000, splay: 0 },
    notify: { window: 0 },
    ...policy,
  });
}

/** Removes the record of the last run from an agent's state, so that one that starts has yet to run. */
export async function forgetRuns(agent: Pick<Agent, "dataDir">): Promise<void> {
  const file = path.join(agent.dataDir, "state.json");
  const { lastRun: _, ...state } = JSON.parse(await fs.readFile(file, "utf8"));
  await writeJson(file, state);
}
