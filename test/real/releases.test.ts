import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { readToken } from "../../src/core/fleet/enrolmentToken.ts";
import type { Report } from "../../src/core/report.ts";
import { addRelease } from "../../src/publisher/addRelease.ts";
import { initRepository } from "../../src/publisher/init.ts";
import { openServer, type ServerProcess, startServerProcess } from "../support/serverProcess.ts";
import { startSource } from "../support/source.ts";
import { closeAll, newFolder, writeJson } from "../support/world.ts";
import { json, nearsource } from "./commandLine.ts";

const open: { close: () => Promise<void> }[] = [];
let server: ServerProcess | undefined;
afterEach(async () => {
  await kill();
  await closeAll(open);
});

async function kill(): Promise<void> {
  server?.process.kill("SIGKILL");
  await server?.ended;
  server = undefined;
}

const RELEASES = "/releases/components/rules";
const PATIENT = { timeout: 60_000, interval: 100 };

/** What the engine makes of the rules: it takes them, refuses them, or takes the whole machine with it. */
const HOOK = `case "$(cat "$1/components/rules/rules.dat")" in
  refused*) echo "these rules are refused"; exit 1;;
  deadly*) kill -9 $PPID;;
esac`;

/** A server that is set up and looks often, of a vendor who publishes rules of which the text says how they go. */
async function begin() {
  const folder = await newFolder();
  const vendor = path.join(folder, "vendor");
  await initRepository({ dir: vendor, repository: "content" });
  const publish = async (version: string, text: string) => {
    const release = path.join(folder, "releases", version);
    await fs.mkdir(release, { recursive: true });
    await fs.writeFile(path.join(release, "rules.dat"), text);
    await addRelease({ dir: vendor, kind: "components", name: "rules", version, path: release });
  };
  await publish("1.0", "first");
  const source = await startSource(vendor, { etags: true });
  open.push(source);
  const root = path.join(vendor, "content", "metadata", "1.root.json");
  const init = ["--content-root", root, "--active-update", source.url];
  server = await startServerProcess(folder, ...init);
  const config = path.join(server.dir, "server.json");
  const token = (await server.call("POST", "/api-tokens", { name: "test", role: "administrator" })).body
    .token;
  const { dir } = server;
  const restart = async () => {
    await kill();
    server = await openServer(dir);
  };
  await writeJson(config, {
    ...JSON.parse(await fs.readFile(config, "utf8")),
    releases: { watchEvery: 100 },
  });
  await restart();
  const call = async (method: string, place: string, body?: unknown, headers: Record<string, string> = {}) =>
    (await server?.call(method, place, body, { authorization: `Bearer ${token}`, ...headers }))?.body;
  const release = async (version: string, text: string) => {
    await publish(version, text);
    await call("POST", "/mirror/refresh");
    const seen = async () => (await call("GET", RELEASES)).releases?.[0]?.version;
    await expect.poll(seen, PATIENT).toBe(version);
    return (await call("GET", RELEASES)).releases[0] as { release: number; seenAt: number };
  };
  return { folder, root, call, release, restart };
}

type Site = Awaited<ReturnType<typeof begin>>;

/** An agent whose runs the test begins, as its schedule would, and reports, as the resident agent does. */
async function enrol({ folder, root, call }: Site, name: string, domain: string) {
  const { token } = await call("POST", "/enrolment-tokens", { uses: 1, domain });
  const fingerprint = createHash("sha256").update(name).digest("hex");
  const asked = { token: readToken(token)?.secret, name, addresses: [], fingerprint, program: "0.1.0" };
  const send = async (method: string, place: string, body: unknown, secret = "") => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${secret}` };
    return await fetch(`${server?.agents}${place}`, { method, headers, body: JSON.stringify(body) });
  };
  const identity = (await (await send("POST", "/v1/enrol", asked)).json()) as { id: string; secret: string };
  const own = path.join(folder, name);
  await fs.mkdir(path.join(own, "data"), { recursive: true });
  await fs.writeFile(path.join(own, "hook.sh"), HOOK);
  await fs.writeFile(path.join(own, "data", ".nearsource"), "");
  await fs.writeFile(path.join(own, "data", "identity.json"), JSON.stringify(identity), { mode: 0o600 });
  const configFile = path.join(own, "config.json");
  const current = path.join(own, "data", "current");
  const run = async () => {
    // A server that was killed comes back at another port.
    const settings = path.join(server?.dir ?? "", "www", "settings", "metadata", "1.root.json");
    await writeJson(configFile, {
      dataDir: "data",
      domain,
      server: server?.agents,
      roots: { content: root, settings },
      addresses: ["127.0.0.1"],
      http: { proxy: "none" },
      hooks: { afterUpdate: ["/bin/sh", path.join(own, "hook.sh"), current] },
    });
    const started = new Date().toISOString();
    const ended = await nearsource("update", "--config", configFile, "--json");
    if (ended.stdout === "") return { ...ended, report: undefined };
    const report = json<Report>(ended);
    const body = { started, ended: new Date().toISOString(), trigger: "schedule", program: "0.1.0", report };
    const answer = await send("PUT", `/v1/agents/${identity.id}/report`, body, identity.secret);
    expect(answer.status, await answer.text()).toBe(204);
    return { ...ended, report };
  };
  const has = () => fs.readFile(path.join(current, "components", "rules", "rules.dat"), "utf8");
  return { name, run, has };
}

test("a release that is fine goes through its stages over the death of the server; one whose hook fails and one that makes agents silent are halted, and the others never get them", {
  timeout: 240_000,
}, async () => {
  const site = await begin();
  const { call, release, restart } = site;
  await call("POST", "/domains", { name: "pilot" });
  const pilots = [await enrol(site, "pilot-1", "pilot"), await enrol(site, "pilot-2", "pilot")];
  const others = [await enrol(site, "pc-1", "default"), await enrol(site, "pc-2", "default")];
  const all = [...pilots, ...others];
  await expect.poll(async () => (await call("GET", RELEASES)).releases?.length, PATIENT).toBe(1);
  for (const each of all) expect((await each.run()).report?.outcome).toBe("updated");
  const stagesOf = (after: number) => [
    { domains: ["pilot"], percent: 100, after: 0 },
    { percent: 100, after },
  ];
  const set = async (after: number, silence: number) => {
    const { version } = await call("GET", RELEASES);
    const body = { stages: stagesOf(after), limits: { share: 0.05, silence } };
    return await call("PUT", `${RELEASES}/rollout`, body, { "if-match": `"${version}"` });
  };
  expect(await set(3_600_000, 600_000)).toMatchObject({ proposal: null, rollout: { pin: null } });

  // Fine: the pilots have it, the others wait for their stage, whose time does not begin anew with the server.
  const fine = await release("2.0", "fine");
  for (const each of pilots) await each.run();
  const { report } = (await others[0]?.run()) ?? {};
  expect(report?.held).toMatchObject([
    { release: 2, reason: "held for a stage", stage: 2, from: fine.seenAt + 3_600_000 },
  ]);
  expect(await Promise.all(all.map((each) => each.has()))).toEqual(["fine", "fine", "first", "first"]);
  const after = Date.now() - fine.seenAt + 4_000;
  await set(after, 600_000);
  await restart();
  expect((await call("GET", RELEASES)).releases[0]).toMatchObject({
    ...{ release: 2, seenAt: fine.seenAt, halt: null },
    stages: [fine.seenAt, fine.seenAt + after],
  });
  for (const each of others) {
    const hasNow = async () => {
      await each.run();
      return await each.has();
    };
    await expect.poll(hasNow, PATIENT).toBe("fine");
  }
  expect(Date.now()).toBeGreaterThanOrEqual(fine.seenAt + after);
  expect((await call("GET", RELEASES)).releases).toMatchObject([
    { release: 2, agents: 4, failed: 0, halt: null },
    {},
  ]);
  await set(3_600_000, 600_000);

  // Refused by the hook: the set before is back, the release halted, and nobody else gets it.
  await release("3.0", "refused");
  const refused = await pilots[0]?.run();
  expect(refused).toMatchObject({ code: 8, report: { failure: { code: "HOOK_FAILED" } } });
  const newest = async () => (await call("GET", RELEASES)).releases[0];
  await expect.poll(newest, PATIENT).toMatchObject({
    release: 3,
    failed: 1,
    halt: {
      by: "server",
      evidence: { stage: 1, bad: 1, agents: [{ name: "pilot-1", what: "failed", code: "HOOK_FAILED" }] },
    },
  });
  for (const each of all) {
    await each.run();
    expect(await each.has()).toBe("fine");
  }
  const heldAt = (each?: (typeof all)[number]) => async () => (await each?.run())?.report?.held;
  // The halt is in the database a moment before it is published.
  await expect.poll(heldAt(others[0]), PATIENT).toMatchObject([{ release: 3, reason: "halted" }]);

  // Deadly: the machines that have it are never heard of again.
  await set(3_600_000, 8_000);
  await Promise.all(pilots.map((each) => each.run()));
  await release("4.0", "deadly");
  const deaths = await Promise.all(pilots.map((each) => each.run()));
  expect(deaths.map((each) => each.report)).toEqual([undefined, undefined]);
  expect(await Promise.all(pilots.map((each) => each.has()))).toEqual(["deadly", "deadly"]);
  await restart();
  await expect
    .poll(newest, PATIENT)
    .toMatchObject({ release: 4, halt: { evidence: { stage: 1, counts: { silent: 2, missing: 2 } } } });
  for (const each of others) {
    await expect.poll(heldAt(each), PATIENT).toMatchObject([{ release: 4, reason: "halted" }]);
    expect(await each.has()).toBe("fine");
  }
});
