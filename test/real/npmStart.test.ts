import { spawn } from "node:child_process";
import path from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { COMPILED } from "../support/program.ts";
import { settle } from "../support/resident.ts";
import { newFolder } from "../support/world.ts";
import { json, on, openStage, type Stage } from "./commandLine.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

/** Runs what `npm start` runs, in the folder in which npm runs it. */
async function run(args: string[], env: Record<string, string>, entry = "src/start.js") {
  const child = spawn(process.execPath, [entry, ...args], { env: { NO_COLOR: "1", ...COMPILED, ...env } });
  const code = new Promise((ended) => child.once("close", ended));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}

describe("npm start", () => {
  test("takes paths from where the person stands", async () => {
    const agent = await stage.agentOf(1);
    const { code, stdout } = await run(["status", "--config", "config.json"], { INIT_CWD: agent.folder });
    expect(stdout).toContain("Nothing is installed.");
    expect(code).toBe(0);
  });

  test("runs where nobody says from where, and where that is gone", async () => {
    const gone = path.join(await newFolder(), "gone");
    for (const env of [{}, { INIT_CWD: gone }]) {
      expect(await run(["--version"], env as Record<string, string>)).toMatchObject({ code: 0, stderr: "" });
    }
  });
});

test.skipIf(process.platform === "win32")(
  "npm start passes SIGTERM on, and waits for what that ends",
  async () => {
    const agent = await stage.agentOf(1);
    await settle(agent);
    const child = spawn("npm", ["start", "--silent", "--", "agent", "--config", agent.configFile]);
    const ended = new Promise((done) => child.once("close", done));
    await new Promise<void>((ready, fail) => {
      let said = "";
      child.stderr.on("data", (piece) => {
        said += piece;
        if (said.includes("the agent is ready")) ready();
      });
      ended.then(() => fail(new Error(said)));
    });
    const { agent: before } = json<{ agent: object }>(await on(agent, "status", "--json"));
    expect(before).toMatchObject({ resident: true });
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    const { agent: after } = json<{ agent: object }>(await on(agent, "status", "--json"));
    expect(after).toMatchObject({ resident: false });
  },
);

describe("a Node that is too old", () => {
  const versions =
    'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } })';
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(versions)}`;

  test.for(["src/start.js", "src/main.ts"])("running %s is told so, and what to do", async (entry) => {
    const { code, stdout, stderr } = await run(["--version"], { NODE_OPTIONS }, entry);
    expect({ code, stdout }).toEqual({ code: 6, stdout: "" });
    expect(stderr).toMatch(/^nearsource: it takes Node 26 or newer, and this is v\S+.*\nhint: .*\n$/);
  });
});
