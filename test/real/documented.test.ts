import { execFile } from "node:child_process";
import { promises as fs } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { killAll, type ResidentProcess, startResident } from "../support/resident.ts";
import { startSource, type TestSource } from "../support/source.ts";
import { closeAll, newFolder } from "../support/world.ts";
import { json, nearsource } from "./commandLine.ts";

/**
 * The commands and files of the pages, as people would type them: every block of commands, every file, in
 * order, as it stands there.
 */
const ROOT = path.join(import.meta.dirname, "..", "..");
const sources: TestSource[] = [];
const residents: ResidentProcess[] = [];
afterEach(async () => {
  await killAll(residents);
  await closeAll(sources);
});

type Step = { commands: string } | { file: string; text: string };

/** The code blocks of a part of a page: commands, and files by the last name in the text before each. */
async function stepsOf(page: string, from: string, to: string): Promise<Step[]> {
  const text = await fs.readFile(path.join(ROOT, page), "utf8");
  const part = text.slice(text.indexOf(from), text.indexOf(to, text.indexOf(from)));
  expect(part).not.toBe("");
  let before = "";
  const steps: Step[] = [];
  for (const [, prose = "", kind, block = ""] of part.matchAll(/([\s\S]*?)^```(\w*)\n([\s\S]*?)^```$/gm)) {
    before += prose;
    const file = [...before.matchAll(/`([\w-]+\.json)`/g)].at(-1)?.[1] ?? "";
    if (kind === "json") steps.push({ file, text: block });
    else if (kind === "") steps.push({ commands: block });
  }
  return steps;
}

/** A person at the keyboard: a folder to work in, `nearsource` in the path, and a web server for the web root. */
async function sitDown() {
  const folder = await newFolder();
  const web = path.join(folder, "updates");
  await fs.mkdir(web);
  const source = await startSource(web);
  sources.push(source);
  const bin = path.join(folder, "bin");
  await fs.mkdir(bin);
  const main = path.join(ROOT, "src", "main.ts");
  const program = `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`;
  await fs.writeFile(path.join(bin, "nearsource"), program, { mode: 0o755 });
  await fs.writeFile(path.join(folder, "lpt.dat"), "pattern ".repeat(1_000));
  // The names of the pages are examples; whoever follows them has their own.
  const here = (text: string) =>
    text
      .replaceAll("/srv/updates", web)
      .replaceAll("https://updates.example", source.url)
      .replaceAll("http://ua-berlin.corp.example:21112", "http://127.0.0.2:9");
  return { folder, bin, here };
}

async function follow(steps: Step[]): Promise<{ folder: string; said: string[] }> {
  const { folder, bin, here } = await sitDown();
  const said: string[] = [];
  const config = path.join(folder, "config.json");
  for (const step of steps) {
    if ("file" in step) {
      await fs.writeFile(path.join(folder, step.file), here(step.text));
      if (step.file === "config.json") await quieten(config);
      if (step.file === "update-agents.json") await fillIn(path.join(folder, step.file), config);
      continue;
    }
    const lines = step.commands.trim().split("\n");
    const stays = lines.at(-1) === "nearsource agent --config config.json";
    const commands = here((stays ? lines.slice(0, -1) : lines).join("\n"));
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, NO_COLOR: "1", NEARSOURCE_CONFIG: "" };
    const run = promisify(execFile)("sh", ["-e", "-c", commands], { cwd: folder, env });
    said.push((await run).stdout);
    if (stays) residents.push(startResident({ configFile: config }));
  }
  return { folder, said };
}

/** Any free port, and no waiting for the schedule: tests run side by side. */
async function quieten(config: string): Promise<void> {
  const written = JSON.parse(await fs.readFile(config, "utf8"));
  const policy = { schedule: { interval: 86_400_000, splay: 0 } };
  await fs.writeFile(path.join(path.dirname(config), "quiet-policy.json"), JSON.stringify(policy));
  const own = {
    listen: { host: "127.0.0.1", port: 0 },
    metrics: { port: null },
    policy: "quiet-policy.json",
  };
  await fs.writeFile(config, JSON.stringify({ ...written, ...own }));
}

/** The id that `status` says, in the place of the one in the page. */
async function fillIn(file: string, config: string): Promise<void> {
  const { agentId } = json<{ agentId: string }>(await nearsource("status", "--json", "--config", config));
  const text = await fs.readFile(file, "utf8");
  await fs.writeFile(file, text.replace(/"id": "[^"]*"/, `"id": "${agentId}"`));
}

/** It serves what it was granted: the newest timestamps of both repositories. */
async function expectServing(resident: ResidentProcess | undefined): Promise<void> {
  await resident?.said(/this agent is an Update Agent for settings, components/);
  const port = await resident?.port();
  for (const repository of ["content", "settings"]) {
    const look = async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/${repository}/metadata/timestamp.json`);
      await answer.arrayBuffer();
      return answer.status;
    };
    await expect.poll(look, { timeout: 50_000, interval: 200 }).toBe(200);
  }
}

describe("followed to the letter,", { timeout: 120_000 }, () => {
  test('the README\'s "Use it" publishes, updates, and makes an Update Agent', async () => {
    const steps = await stepsOf("README.md", "## Use it", "An installed file is at");
    expect(steps.length).toBeGreaterThanOrEqual(10);
    const { folder, said } = await follow(steps);
    const all = said.join("");
    expect(all).toContain("published components/virus-pattern 17.123.00 as release 1");
    expect(all).toContain("updated: generation 1 is installed");
    expect(all).toContain("\nlpt.dat\n");
    expect(all).toContain("published settings/update-agents");
    expect(all).toContain("config.json is valid");
    expect(all).not.toMatch(/no source delivers|never fetched/);
    await fs.stat(path.join(folder, "data/current/components/virus-pattern/lpt.dat"));
    await expectServing(residents[0]);
  });

  test("docs/update-agents.md makes an Update Agent from nothing", async () => {
    const { said } = await follow(await stepsOf("docs/update-agents.md", "From nothing", "## How many"));
    expect(said.join("")).toContain("updated: generation 1 is installed");
    await expectServing(residents[0]);
  });
});
