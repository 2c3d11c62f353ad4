import { execFile } from "node:child_process";
import { promises as fs } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { openServer, type ServerProcess, startServerProcess } from "../support/serverProcess.ts";
import { newFolder, writeJson } from "../support/world.ts";
import { json, nearsource } from "./commandLine.ts";

const ROOT = path.join(import.meta.dirname, "..", "..");
const servers: ServerProcess[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await stop(server);
});

async function stop({ process: each, ended }: ServerProcess) {
  each.kill("SIGKILL");
  await ended;
}

/** A server with one agent, which is told where the server is now. */
async function begin() {
  const folder = await newFolder();
  const server = await startServerProcess(folder);
  servers.push(server);
  const { token } = (await server.call("POST", "/enrolment-tokens", {})).body;
  const configFile = path.join(folder, "agent", "config.json");
  const made = await nearsource(
    ...["enrol", "--server", server.agents, "--token", token, "--config", configFile],
    ...["--data-dir", path.join(folder, "agent", "data")],
  );
  expect(made.code, made.stderr).toBe(0);
  return { folder, server, configFile };
}

/** Commands of a page that are typed as they stand; those of other programs say so (`sh`). */
async function blocksOf(page: string): Promise<string[]> {
  const text = await fs.readFile(path.join(ROOT, page), "utf8");
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter(([, kind]) => kind === "")
    .map(([, , block = ""]) => block.trimEnd());
}

/** Output of a line in a shell that has `nearsource`, with places of this test's own. */
async function typed(line: string, { folder, ...places }: Record<string, string>): Promise<string> {
  const bin = path.join(String(folder), "bin");
  await fs.mkdir(bin, { recursive: true });
  const script = `#!/bin/sh\nexec "${process.execPath}" "${path.join(ROOT, "src", "main.ts")}" "$@"\n`;
  await fs.writeFile(path.join(bin, "nearsource"), script, { mode: 0o755 });
  const own = Object.entries(places).reduce((text, [name, place]) => text.replaceAll(name, place), line);
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
  return (await promisify(execFile)("sh", ["-ec", own], { env })).stdout;
}

const listOf = (name: string) => ({
  mode: "customized",
  entries: [{ range: "192.0.2.1", name, url: `http://${name}.example:21112` }],
  serverFallback: { enabled: true },
});

async function save(server: ServerProcess, name: string, version: number): Promise<void> {
  const saved = await server.call("PUT", "/source-list", listOf(name), { "if-match": `"${version}"` });
  expect(saved.status).toBe(200);
}

/** The list that the agent goes by after a run, and what it found wrong with its server. */
async function listAfterRun(configFile: string, server?: ServerProcess) {
  if (server !== undefined) {
    const config = JSON.parse(await fs.readFile(configFile, "utf8"));
    await writeJson(configFile, { ...config, server: server.agents });
  }
  const run = await nearsource("update", "--config", configFile, "--json");
  const { sourceList } = json<{ sourceList: { version: number; from: string; code?: string } }>(run);
  const { stdout } = await nearsource("explain", "--config", configFile, "--ip", "192.0.2.1");
  return { ...sourceList, first: /ua-\w+/.exec(stdout)?.[0] };
}

test("a server that was set back to a backup publishes above all that its agents have seen, and they come along", {
  timeout: 120_000,
}, async () => {
  const { folder, server, configFile } = await begin();
  await save(server, "ua-one", 0);
  const kept = path.join(folder, "kept");
  const [backUp = "", restore = ""] = await blocksOf("docs/backup.md");
  expect(
    await typed(backUp, { folder, "/srv/nearsource": server.dir, "/backup/nearsource": kept }),
  ).toContain("the root key is in it");
  await save(server, "ua-two", 1);
  await save(server, "ua-three", 2);
  expect(await listAfterRun(configFile)).toMatchObject({ version: 3, from: "server", first: "ua-three" });
  // The machine is lost, and made anew.
  await stop(server);
  await fs.rm(server.dir, { recursive: true });
  const [copy = "", goOn = ""] = restore.split("\n");
  const places = { folder, "/srv/nearsource": server.dir, "/backup/nearsource": kept };
  await typed(copy, places);
  const older = await openServer(server.dir);
  servers.push(older);
  expect(await listAfterRun(configFile, older)).toMatchObject({
    ...{ version: 3, from: "cache", code: "METADATA_OLDER", first: "ua-three" },
  });
  const early = await nearsource("server", "restored", server.dir);
  expect([early.code, early.stderr]).toEqual([5, expect.stringContaining("server")]);
  await stop(older);
  expect(await typed(goOn, places)).toContain("published anew");
  const again = await openServer(server.dir);
  servers.push(again);
  expect(await listAfterRun(configFile, again)).toMatchObject({
    version: 1,
    from: "server",
    first: "ua-one",
  });
  const answer = await again.call("POST", "/session", { user: "ada", password: "correct horse battery" });
  expect(answer.status).toBe(201);
});

test("a backup is nobody else's to read, is of a server at work, and goes nowhere where something is", async () => {
  const { folder, server } = await begin();
  const kept = path.join(folder, "kept");
  expect((await nearsource("server", "backup", server.dir, kept)).code).toBe(0);
  const modeOf = async (...names: string[]) => (await fs.stat(path.join(kept, ...names))).mode & 0o777;
  expect(
    await Promise.all([modeOf(), modeOf("nearsource.db"), modeOf("server.json"), modeOf("keys")]),
  ).toEqual([...[0o700, 0o600, 0o600, 0o700]]);
  expect(await fs.readdir(kept)).toEqual(["keys", "nearsource.db", "server.json"]);
  const second = await nearsource("server", "backup", server.dir, kept);
  expect([second.code, second.stderr]).toEqual([7, expect.stringContaining("is not empty")]);
  const within = await nearsource("server", "backup", server.dir, path.join(server.dir, "kept"));
  expect([within.code, within.stderr]).toEqual([2, expect.stringContaining("in the server's own folder")]);
  const nowhere = await nearsource("server", "backup", path.join(folder, "nothing"), `${kept}2`);
  expect([nowhere.code, nowhere.stderr]).toEqual([6, expect.stringContaining("there is no server")]);
});
