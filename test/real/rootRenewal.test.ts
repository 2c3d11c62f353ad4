import { promises as fs } from "node:fs";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { type ServerProcess, startServerProcess } from "../support/serverProcess.ts";
import { newFolder } from "../support/world.ts";
import { nearsource } from "./commandLine.ts";

const servers: ServerProcess[] = [];
afterEach(async () => {
  for (const { process: each, ended } of servers.splice(0)) {
    each.kill("SIGKILL");
    await ended;
  }
});

/** Runs a command that has to go well. */
async function run(...args: string[]) {
  const ended = await nearsource(...args);
  expect(ended.code, ended.stderr).toBe(0);
  return ended;
}

/** Roots of the settings that an agent has verified beyond the one that it was enrolled with, in order. */
async function rootsOf(dataDir: string): Promise<string[]> {
  const files = await fs.readdir(path.join(dataDir, "metadata", "settings"), { recursive: true });
  const roots = files.map((file) => path.basename(file)).filter((file) => /^\d+\.root\.json$/.test(file));
  return [...new Set(roots)].toSorted();
}

const dataDirOf = (configFile: string) => path.join(path.dirname(configFile), "data");

async function enrol(folder: string, name: string, { call, agents }: ServerProcess): Promise<string> {
  const { token } = (await call("POST", "/enrolment-tokens", { uses: 1 })).body;
  const configFile = path.join(folder, name, "config.json");
  await run(
    ...["enrol", "--server", agents, "--token", token, "--config", configFile],
    ...["--data-dir", dataDirOf(configFile), "--name", name, "--no-service"],
  );
  return configFile;
}

/** A root of the settings as it is served. */
async function rootAt(www: string, version: number): Promise<{ roles: { root: { keyids: string[] } } }> {
  const file = path.join(www, "settings", "metadata", `${version}.root.json`);
  return JSON.parse(await fs.readFile(file, "utf8")).signed;
}

/** A list whose only source is this URL. */
const listOf = (url: string) => ({
  mode: "customized",
  entries: [{ range: "0.0.0.0/0", url, kinds: ["components"] }],
  serverFallback: { enabled: true },
});

test("the root of a running server is renewed under another key, and agents that trust the first one follow what is saved then", {
  timeout: 300_000,
}, async () => {
  const folder = await newFolder();
  const server = await startServerProcess(folder);
  servers.push(server);
  const settingsOf = async (configFile: string) => {
    const { stdout } = await nearsource("update", "--config", configFile, "--kind", "settings", "--json");
    return JSON.parse(stdout).sourceList;
  };
  const rootExpiry = async () => {
    const { items } = (await server.call("GET", "/expiries")).body;
    return items.find(({ what }: { what: string }) => what === "settings root").expires as number;
  };
  expect(
    (await server.call("PUT", "/source-list", listOf("http://one.example"), { "if-match": '"0"' })).status,
  ).toBe(200);
  const before = await enrol(folder, "before", server);
  expect(await settingsOf(before)).toMatchObject({ version: 1, from: "server" });
  expect(await rootsOf(dataDirOf(before))).toEqual([]);
  const endedBefore = await rootExpiry();

  // The first key was taken away, as `init` says; another one comes in its place, and so does the timestamp's.
  const [www, keys] = [path.join(server.dir, "www"), path.join(server.dir, "keys")];
  const first = path.join(folder, "root.pem");
  await fs.rename(path.join(keys, "root", "root.pem"), first);
  await fs.rmdir(path.join(keys, "root"));
  const second = path.join(folder, "root-2");
  await run("repo", "root", "keygen", second);
  const draft = path.join(folder, "next-root.json");
  const [keyId = ""] = (await rootAt(www, 1)).roles.root.keyids;
  await run(
    ...["repo", "root", "draft", www, "--settings", "--keys", keys, "-o", draft],
    ...["--add-key", `${second}.pub`, "--remove-key", keyId, "--rotate", "timestamp", "--expires", "1000"],
  );
  await run("repo", "root", "sign", draft, "--key", second);
  const early = await nearsource("repo", "root", "publish", www, draft, "--keys", keys);
  expect(early.code, "the first key has not signed").not.toBe(0);
  await run("repo", "root", "sign", draft, "--key", first);
  await run("repo", "root", "publish", www, draft, "--keys", keys);
  expect((await rootAt(www, 2)).roles.root.keyids).not.toContain(keyId);
  await expect.poll(rootExpiry, { timeout: 60_000, interval: 200 }).toBeGreaterThan(endedBefore);

  // The server signs on by the new root, and agents of before and after believe it.
  const saved = await server.call("PUT", "/source-list", listOf("http://two.example"), { "if-match": '"1"' });
  expect(saved.status, JSON.stringify(saved.body)).toBe(200);
  expect(await settingsOf(before)).toMatchObject({ version: 2, from: "server" });
  expect(await rootsOf(dataDirOf(before))).toEqual(["2.root.json"]);
  const after = await enrol(folder, "after", server);
  expect(await settingsOf(after)).toMatchObject({ version: 2, from: "server" });

  // The key that went makes no further root.
  const third = path.join(folder, "third-root.json");
  await run("repo", "root", "draft", www, "--settings", "--keys", keys, "-o", third);
  await nearsource("repo", "root", "sign", third, "--key", first);
  const refused = await nearsource("repo", "root", "publish", www, third, "--keys", keys);
  expect(refused.code).not.toBe(0);
  expect(await settingsOf(before)).toMatchObject({ version: 2, from: "server" });
});
