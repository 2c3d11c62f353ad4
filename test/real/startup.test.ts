import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SOURCES } from "../support/program.ts";
import { changeConfig, on, openStage, type Stage, start } from "./commandLine.ts";

/** Starts on every endpoint every hour: a command loads what it needs, and nothing else. */
let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

const COSTLY = ["got", "tuf-js", "winston", "dns-packet", "p-retry", "conf", "@humanwhocodes/momoa"];

/** Tells on stderr, when the process ends, which packages it resolved. */
const WATCH = `
  import { registerHooks } from "node:module";
  const packages = new Set();
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      const name = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(found.url)?.[1];
      if (name !== undefined) packages.add(name);
      return found;
    },
  });
  process.on("exit", () => process.stderr.write("imported " + JSON.stringify([...packages])));
`;

/** Which of the costly packages a command loads. */
async function loaded(args: string[]): Promise<string[]> {
  const watch = `--import="data:text/javascript,${encodeURIComponent(WATCH)}"`;
  const { stderr } = await start(args, { NODE_OPTIONS: watch }, {}, SOURCES).ended;
  const packages: string[] = JSON.parse(/imported (\[.*\])$/.exec(stderr)?.[1] ?? "");
  return COSTLY.filter((name) => packages.includes(name));
}

describe.concurrent("loads only what it needs:", () => {
  test.for([
    [["--version"], []],
    [["--help"], []],
    [["status"], []],
    [["explain"], []],
    [["verify"], []],
    [["rollback"], []],
  ] as const)("%j loads %j", async ([[command], costly]) => {
    const agent = await stage.agentOf(1, { installed: 1 });
    const config = command.startsWith("-") ? [] : ["--config", agent.configFile];
    expect(await loaded([command, ...config])).toEqual(costly);
  });

  test("a run with nothing new, neither a validator nor a logger", async () => {
    const agent = await stage.agentOf(1, { installed: 1 });
    await on(agent, "update");
    const update = ["update", "--config", agent.configFile];
    expect(await loaded(update)).toEqual(["got", "tuf-js", "dns-packet", "p-retry"]);
  });

  test("a configuration that was changed is validated again, at no more than any other costs", async () => {
    const agent = await stage.agentOf(1, { installed: 1 });
    await changeConfig(agent, { keepGenerations: 2 });
    expect(await loaded(["status", "--config", agent.configFile])).toEqual([]);
    await changeConfig(agent, { keepGenerations: 0 });
    const { code, stderr } = await on(agent, "status");
    expect([code, stderr]).toEqual([6, expect.stringContaining('"keepGenerations" must be 1 or more')]);
  });

  test("repo and sources check, without an agent's configuration", async () => {
    expect(await loaded(["repo", "show", path.join(stage.world.folder, "www")])).toEqual([]);
    const list = path.join((await stage.agentOf(1)).folder, "list.json");
    expect(await loaded(["sources", "check", list])).toEqual(["@humanwhocodes/momoa"]);
  });
});
