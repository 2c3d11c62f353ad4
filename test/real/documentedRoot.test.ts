import { promises as fs } from "node:fs";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { databases } from "../support/databases.ts";
import { killAll, type ResidentProcess, startResident } from "../support/resident.ts";
import { openServer, type ServerProcess } from "../support/serverProcess.ts";
import { makeServerFolders } from "../support/twoServers.ts";
import { newFolder, writeJson } from "../support/world.ts";
import { nearsource } from "./commandLine.ts";

const PROJECT = path.join(import.meta.dirname, "..", "..");
const AWAITED = { timeout: 120_000, interval: 100 };
const PostgreSQL = databases().find(({ name }) => name === "PostgreSQL");

const servers: ServerProcess[] = [];
const residents: ResidentProcess[] = [];
afterEach(async () => {
  await killAll(residents);
  for (const { process: each, ended } of servers.splice(0)) {
    each.kill("SIGKILL");
    await ended;
  }
});

/** The commands by which docs/hardening.md has the root renewed. */
async function commandsOfPage(): Promise<string[]> {
  const page = await fs.readFile(path.join(PROJECT, "docs/hardening.md"), "utf8");
  const lines = [...page.matchAll(/^(?:server|apart)\$ +(nearsource repo root .*)$/gm)];
  return lines.map(([, line = ""]) => line);
}

/** Words of a command after the program, with places of this test's own. */
function wordsOf(command: string, places: Record<string, string>): string[] {
  const [, ...words] = command.split(" ");
  return words.map((word) => {
    const place = Object.keys(places).find((each) => word === each || word.startsWith(`${each}/`));
    return place === undefined ? word : word.replace(place, places[place] ?? "");
  });
}

test("the console shows the commands of the page", async () => {
  const panel = await fs.readFile(path.join(PROJECT, "src/console/records/RenewRoot.svelte"), "utf8");
  const shown = [...panel.matchAll(/"(nearsource .*)"/g)].map(([, command = ""]) => command);
  expect(shown).toHaveLength(3);
  expect((await commandsOfPage()).map((each) => each.replaceAll("/srv/nearsource", "DIR"))).toEqual(shown);
});

/** Two real servers of one database, of which the first has been set up. */
async function startServers(url: string) {
  const { dirs, token } = await makeServerFolders(2, url, { insecure: true });
  for (const dir of dirs) servers.push(await openServer(dir));
  const [one, two] = servers as [ServerProcess, ServerProcess];
  const user = { token, user: "ada", password: "correct horse battery" };
  const answer = await one.call("POST", "/setup", user);
  expect(answer.status).toBe(201);
  const cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? "";
  const call: ServerProcess["call"] = (method, place, body, headers) =>
    two.call(method, place, body, { cookie, ...headers });
  return { dir: dirs[0] ?? "", other: two, call };
}

test.skipIf(PostgreSQL?.isHere !== true)(
  "a root that is renewed as the page says is served by each server, and followed by a resident agent and by one that was off",
  { timeout: 300_000 },
  async () => {
    const { dir, other, call } = await startServers((await PostgreSQL?.makeUrl()) ?? "");
    const folder = await newFolder();
    const rootKey = path.join(folder, "root.pem");
    await fs.rename(path.join(dir, "keys", "root", "root.pem"), rootKey);
    const draft = path.join(folder, "next-root.json");
    const renew = async () => {
      await fs.rm(draft, { force: true });
      const places = { "/srv/nearsource": dir, "next-root.json": draft, "root.pem": rootKey };
      for (const command of await commandsOfPage()) {
        const { code, stderr } = await nearsource(...wordsOf(command, places));
        expect(code, stderr).toBe(0);
      }
    };
    const rootServed = async (version: number) =>
      (await fetch(`${other.agents}/settings/metadata/${version}.root.json`)).status;

    // An agent of the other server, which follows a notification at once.
    const policy = { name: "ours", targets: { domains: ["default"], agents: [] } };
    expect((await call("POST", "/policies", { ...policy, settings: { notify: { window: 0 } } })).status).toBe(
      201,
    );
    const { token } = (await call("POST", "/enrolment-tokens", {})).body;
    const [configFile, data] = [path.join(folder, "config.json"), path.join(folder, "data")];
    const enrol = ["enrol", "--server", other.agents, "--token", token, "--config", configFile];
    const made = await nearsource(...enrol, "--data-dir", data, "--json");
    expect(made.code, made.stderr).toBe(0);
    const config = JSON.parse(await fs.readFile(configFile, "utf8"));
    await writeJson(configFile, { ...config, listen: { port: null }, metrics: { port: null } });
    await nearsource("update", "--config", configFile);
    const resident = startResident({ configFile });
    residents.push(resident);
    await resident.said(/the agent is ready/);
    const rootsHeld = async () => {
      const found = fs.glob("metadata/settings/**/*.root.json", { cwd: data });
      return [...new Set((await Array.fromAsync(found)).map((each) => path.basename(each)))].toSorted();
    };
    const save = async (name: string, version: number) => {
      const entries = [{ range: "0.0.0.0/0", name, url: `http://${name}.example:21112` }];
      const body = { mode: "customized", entries };
      const saved = await call("PUT", "/source-list", body, { "if-match": `"${version}"` });
      expect(saved.status, JSON.stringify(saved.body)).toBe(200);
    };
    const firstSource = async () => {
      const { stdout } = await nearsource("explain", "--config", configFile, "--ip", "192.0.2.1");
      return /ua-\w+/.exec(stdout)?.[0];
    };

    await renew();
    await expect.poll(() => rootServed(2), AWAITED).toBe(200);
    await save("ua-berlin", 0);
    await expect.poll(rootsHeld, AWAITED).toContain("2.root.json");
    await expect.poll(firstSource, AWAITED).toBe("ua-berlin");

    // It is off while the root is renewed twice.
    await resident.stop();
    await renew();
    await renew();
    await expect.poll(() => rootServed(4), AWAITED).toBe(200);
    await save("ua-lyon", 1);
    const run = await nearsource("update", "--config", configFile, "--json");
    expect(JSON.parse(run.stdout).sourceList).toMatchObject({ version: 2, from: "server" });
    expect(await rootsHeld()).toContain("4.root.json");
    expect(await firstSource()).toBe("ua-lyon");
    const { items } = (await call("GET", "/expiries")).body;
    expect(items.find(({ what }: { what: string }) => what === "settings root")).toMatchObject({
      state: "fine",
    });
  },
);
