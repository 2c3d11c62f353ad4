import { once } from "node:events";
import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { readResidentState, residentDirOf } from "../../src/agent/residentState.ts";
import type { Report } from "../../src/core/report.ts";
import { machineName } from "../../src/dns/machine.ts";
import { initRepository } from "../../src/publisher/init.ts";
import { notify, timestampOf } from "../support/post.ts";
import { forgetRuns, killAll, type ResidentProcess, settle, startResident } from "../support/resident.ts";
import { startSource, type TestSource } from "../support/source.ts";
import {
  type Agent,
  type AgentOptions,
  closeAll,
  expectInstalled,
  objectOf,
  type Publication,
  writeJson,
} from "../support/world.ts";
import { changeConfig, json, on, openStage, type Stage, start } from "./commandLine.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());
const residents: ResidentProcess[] = [];
const sources: TestSource[] = [];
afterEach(async () => {
  await killAll(residents);
  await closeAll(sources);
});

/** A resident agent that keeps itself current from an honest source of a publication. */
async function residentOf(
  publication: Publication,
  options: Partial<AgentOptions> = {},
  config: object = {},
  policy: object = {},
): Promise<{ agent: Agent; resident: ResidentProcess }> {
  const agent = await stage.agentOf(publication, options);
  await settle(agent, config, policy);
  return { agent, resident: begin(agent) };
}

function begin(agent: Agent, env: Record<string, string> = {}): ResidentProcess {
  const resident = startResident(agent, env);
  residents.push(resident);
  return resident;
}

/** Sends the news of a publication, as the server does. */
async function announce(resident: ResidentProcess, publication: Publication): Promise<number> {
  const content = await timestampOf(stage.world.www(publication));
  return await notify(await resident.port(), JSON.stringify({ content }));
}

/** Waits until it is so; this machine may be busy with other tests. */
const until = <Value>(look: () => Value) => expect.poll(look, { timeout: 50_000, interval: 50 });

interface Status {
  agent: {
    resident: boolean;
    pid?: number;
    port?: number;
    next?: { at: string; why: string } | null;
    running?: { trigger: string; waiting?: string } | null;
    runs: { trigger: string; outcome: string; code?: string }[];
  };
}

const statusOf = async (agent: Agent) =>
  json<Status & Record<string, unknown>>(await on(agent, "status", "--json"));

describe("nearsource agent", () => {
  test("updates when it starts, says so in status, and ends on SIGTERM with 0", async () => {
    const { agent, resident } = await residentOf(1);
    await resident.said(/ended: updated/);
    await resident.said(/the agent is ready/);
    await expectInstalled(agent, 1);
    await until(async () => (await statusOf(agent)).agent.next?.why).toBe("schedule");
    const { agent: said } = await statusOf(agent);
    expect(said).toMatchObject({
      resident: true,
      pid: resident.process.pid,
      port: await resident.port(),
      running: null,
      runs: [{ trigger: "schedule", outcome: "updated" }],
    });
    const shown = (await on(agent, "status")).stdout;
    expect(shown).toMatch(/The agent is running \(process \d+, since .*\), and listens at port \d+\./);
    expect(shown).toMatch(/next update: in .* \(scheduled\)/);
    expect(shown).toMatch(/good: delivered components +\[entries\[0\], clause 1\]/);
    expect(await resident.stop()).toMatchObject({ code: 0, stdout: "" });
    expect((await statusOf(agent)).agent).toMatchObject({ resident: false, runs: [{ outcome: "updated" }] });
    expect((await on(agent, "status")).stdout).toContain("The agent is not running.");
  });

  test("updates on a notification, once, and hears the same one again without a run", async () => {
    const { agent, resident } = await residentOf(1);
    await resident.said(/ended: updated/);
    await stage.turnTo(agent, 2);
    expect(await announce(resident, 2)).toBe(202);
    await resident.said(/ended: updated[\s\S]*ended: updated/);
    await expectInstalled(agent, 2);
    expect(await announce(resident, 2)).toBe(204);
    expect(await announce(resident, 1)).toBe(204);
    const { agent: said } = await statusOf(agent);
    expect(said.runs.map(({ trigger }) => trigger)).toEqual(["notify", "schedule"]);
  });

  test("goes on to the next source when the first has not yet what it was notified of", async () => {
    const { agent, resident } = await residentOf(1);
    await resident.said(/ended: updated/);
    const next = await startSource(stage.world.www(2));
    sources.push(next);
    const file = path.join(agent.folder, "list.json");
    const { entries, ...list } = JSON.parse(await fs.readFile(file, "utf8"));
    const more = { range: "127.0.0.0/8", name: "next", url: next.url };
    await writeJson(file, { ...list, entries: [...entries, more] });
    expect(await announce(resident, 2)).toBe(202);
    await resident.said(/ended: updated[\s\S]*ended: updated/);
    await expectInstalled(agent, 2);
  });

  test("that listens at any free port knows itself in the list, by name and by address", async () => {
    const { agent, resident } = await residentOf(1);
    await resident.said(/ended: updated/);
    await stage.turnTo(agent, 2);
    const [port, file] = [await resident.port(), path.join(agent.folder, "list.json")];
    const { entries, ...list } = JSON.parse(await fs.readFile(file, "utf8"));
    const itself = [machineName(), "127.0.0.1"].map((host) => {
      return { range: "127.0.0.0/8", url: `http://${host}:${port}`, kinds: ["components"] };
    });
    await writeJson(file, { ...list, entries: [...itself, ...entries] });
    expect(await announce(resident, 2)).toBe(202);
    await resident.said(/ended: updated[\s\S]*ended: updated/);
    const { lastRun } = await statusOf(agent);
    const { attempts, skipped } = (lastRun as { report: Report }).report;
    expect(attempts.map(({ entry }) => entry)).toEqual([2]);
    const own = skipped.filter(({ reason }) => reason === "it is this agent itself");
    expect(own.map(({ url }) => url)).toEqual(itself.map(({ url }) => url));
  });

  test("looks again for what it was notified of while no source has it yet", async () => {
    const { agent, resident } = await residentOf(1);
    await resident.said(/ended: updated/);
    expect(await announce(resident, 2)).toBe(202);
    await resident.said(/ended: current/);
    await until(async () => (await statusOf(agent)).agent.next?.why).toBe("retry");
  });

  test("does not catch up what it has done before it was started again", async () => {
    const { agent, resident } = await residentOf(1);
    await until(async () => (await statusOf(agent)).agent.runs).toHaveLength(1);
    await resident.stop();
    const again = begin(agent);
    await again.said(/the agent is ready/);
    const { agent: said } = await statusOf(agent);
    expect(said).toMatchObject({ running: null, next: { why: "schedule" }, runs: [{ trigger: "schedule" }] });
    expect(said.runs).toHaveLength(1);
  });

  test("shares a data directory with no other agent: the second exits 5 and names the first", async () => {
    const { agent, resident } = await residentOf(1);
    await resident.said(/the agent is ready/);
    const second = await on(agent, "agent");
    expect(second.code).toBe(5);
    const holder = process.platform === "linux" ? `process ${resident.process.pid}` : "process";
    expect(second.stderr).toContain(`another agent is running (${holder})`);
  });

  test("leaves its data directory to the next when it was killed, and its run ends with it", async () => {
    const slow = await startSource(stage.world.www(2), { answer: never(objectOf(2, "rules")) });
    sources.push(slow);
    const { agent, resident } = await residentOf(1, { sources: { slow: slow.url } });
    await until(() => slow.objects().length).toBeGreaterThan(0);
    resident.process.kill("SIGKILL");
    await resident.ended;
    await stage.turnTo(agent, 2);
    const next = begin(agent);
    await next.said(/ended: updated/);
    await expectInstalled(agent, 2);
  });

  test("goes on without a port when it is taken", async () => {
    // Not its source's own port: an agent takes a source at its own address and port for itself.
    const taken = await startSource(stage.world.folder);
    sources.push(taken);
    const { port } = taken;
    const { agent, resident } = await residentOf(1, {}, { listen: { host: "127.0.0.1", port } });
    await resident.said(/error: cannot listen at .*port/);
    await resident.said(/ended: updated/);
    await expectInstalled(agent, 1);
    expect((await statusOf(agent)).agent).toMatchObject({ resident: true, port: null });
  });

  test("exits 6 with an invalid configuration, and says what is wrong", async () => {
    const { agent } = await residentOf(1);
    await changeConfig(agent, { listen: { port: "x" } });
    const refused = await on(agent, "agent");
    expect(refused).toMatchObject({ code: 6, stdout: "" });
    expect(refused.stderr).toMatch(/^nearsource: .*"listen.port" must be integer or null|whole number/);
    expect((await on(agent, "agent", "--check")).code).toBe(6);
    await changeConfig(agent, { listen: { port: null } });
    expect(await on(agent, "agent", "--check")).toMatchObject({ code: 0, stderr: "" });
  });

  test("goes on when its source answers 403, as a daemon has to, and tries again later", async () => {
    const closed = await startSource(stage.world.www(1), {
      answer: (_, response) => {
        response.writeHead(403).end();
        return true;
      },
    });
    sources.push(closed);
    const { agent, resident } = await residentOf(1, { sources: { closed: closed.url } });
    await resident.said(/ended: exhausted/);
    await until(async () => (await statusOf(agent)).agent.next?.why).toBe("retry");
    const said = await statusOf(agent);
    expect(said.agent).toMatchObject({ resident: true, runs: [{ outcome: "exhausted" }] });
    expect(said.lastRun).toMatchObject({ report: { attempts: [{ code: "HTTP_FORBIDDEN", clause: "1" }] } });
  });
});

describe("a plain agent tells monitors", () => {
  const monitorOf = async (resident: ResidentProcess) => {
    const [, port] = await resident.said(/metrics at port (\d+)/);
    const get = async (place: string) => await fetch(`http://127.0.0.1:${port}${place}`);
    const health = async () => (await (await get("/healthz")).json()) as Record<string, unknown>;
    const metric = async (name: string) => {
      const page = await (await get("/metrics")).text();
      const [, value] =
        page.match(new RegExp(`^nearsource_agent_${name.replaceAll(/[{}]/g, "\\$&")} (\\S+)$`, "m")) ?? [];
      return value === undefined ? undefined : Number(value);
    };
    return { get, health, metric };
  };

  test("last success, age, outcome, generation, next run and expiry, of its own runs and of those by hand", async () => {
    const { agent, resident } = await residentOf(1, {}, { metrics: { port: 0 } });
    const { get, health, metric } = await monitorOf(resident);
    await until(() => metric("generation")).toBe(1);
    await until(async () => (await health()).next).toMatchObject({ why: "schedule" });
    expect(await health()).toMatchObject({
      role: "agent",
      port: await resident.port(),
      lastRun: { trigger: "schedule", outcome: "updated" },
      generation: 1,
      running: null,
      metadata: [{ repository: "content", version: expect.any(Number), confirmed: expect.any(String) }],
    });
    await stage.turnTo(agent, 2);
    expect((await on(agent, "update")).code).toBe(0);
    const { lastRun, lastSuccess } = await health();
    expect(lastRun).toMatchObject({ trigger: "manual", outcome: "updated" });
    expect(lastSuccess).toBe((lastRun as { ended: string }).ended);
    expect(await metric("generation")).toBe(2);
    expect(await metric('last_run_outcome{outcome="updated"}')).toBe(1);
    expect((await metric("last_success_timestamp_seconds")) ?? 0).toBe(Date.parse(`${lastSuccess}`) / 1_000);
    for (const name of [
      'age_seconds{repository="content"}',
      'expiry_timestamp_seconds{repository="content"}',
    ])
      expect(await metric(name)).toBeGreaterThan(0);
    expect(await metric("next_run_timestamp_seconds")).toBeGreaterThan(Date.now() / 1_000);
    const page = await get("/metrics");
    expect(page.headers.get("content-type")).toMatch(/^application\/openmetrics-text/);
    expect(await page.text()).toMatch(/\n# EOF\n$/);
    expect((await get("/other")).status).toBe(404);
  });

  test("when the last success was, also once runs fail and after a restart", async () => {
    const { agent, resident } = await residentOf(1, {}, { metrics: { port: 0 } });
    const first = await monitorOf(resident);
    await until(async () => (await first.health()).next).toMatchObject({ why: "schedule" });
    const { lastSuccess } = await first.health();
    expect(lastSuccess).toEqual(expect.any(String));
    await resident.stop();
    await writeJson(path.join(agent.folder, "list.json"), {
      entries: [],
      serverFallback: { enabled: false },
    });
    expect((await on(agent, "update")).code).not.toBe(0);
    const second = await monitorOf(begin(agent));
    expect(await second.health()).toMatchObject({ lastSuccess, lastRun: { trigger: "manual" } });
  });
});

test("what something else prints to the stdout of a run does not end the agent, nor the run", async () => {
  const agent = await stage.agentOf(1);
  await settle(agent);
  const noisy = path.join(agent.folder, "noisy.cjs");
  const noise = [
    "Debugger attached.",
    "null",
    "7",
    '{"type":"report"}',
    '{"type":"constructor"}',
    "{".repeat(99),
  ];
  await fs.writeFile(noisy, `process.stdout.write(${JSON.stringify(`${noise.join("\n")}\n`)});`);
  const resident = begin(agent, { NODE_OPTIONS: `--require=${noisy}` });
  await resident.said(/warn: the run said what is not meant for this agent: Debugger attached\./);
  await until(async () => (await statusOf(agent)).agent.runs).toMatchObject([{ outcome: "updated" }]);
  expect(await resident.stop()).toMatchObject({ code: 0 });
});

/** Never answers a request for an object, and says nothing about it. */
function never(sha256: string) {
  return ({ url = "" }: { url?: string | undefined }) =>
    url.endsWith(sha256) && new Promise<boolean>(() => {});
}

describe("an agent that starts makes up for", () => {
  /** Has the current run of a notification wait for its source for ever. */
  async function stuck({ agent, resident }: { agent: Agent; resident: ResidentProcess }): Promise<void> {
    const slow = await startSource(stage.world.www(2), { answer: never(objectOf(2, "rules")) });
    sources.push(slow);
    const entries = [{ range: "127.0.0.0/8", url: slow.url }];
    await writeJson(path.join(agent.folder, "list.json"), { entries });
    expect(await announce(resident, 2)).toBe(202);
    await until(() => slow.objects().length).toBeGreaterThan(0);
  }
  const waiting = async ({ resident }: { resident: ResidentProcess }) => {
    expect(await announce(resident, 2)).toBe(202);
    await resident.said(/an update follows in/);
  };
  const failed = async ({ agent, resident }: { agent: Agent; resident: ResidentProcess }) => {
    await writeJson(path.join(agent.folder, "list.json"), {
      entries: [{ range: "10.9.9.9", url: "http://x" }],
    });
    expect(await announce(resident, 2)).toBe(202);
    await until(() => nextOf(agent)).toBe("retry");
  };
  /** Reason of the next run, as the agent itself writes it, without a process that asks. */
  const nextOf = async (agent: Agent) => (await readResidentState(residentDirOf(agent.dataDir)))?.next?.why;

  test.each([
    ["a notified run that was stopped", "SIGTERM", 0, stuck],
    ["a notified run that was killed", "SIGKILL", 0, stuck],
    ["a notified run that was yet to come", "SIGTERM", 86_400_000, waiting],
    ["a run that was to be tried again", "SIGKILL", 0, failed],
  ] as const)("%s", async (_, signal, window, meet) => {
    const { agent, resident } = await residentOf(1, {}, {}, { notify: { window } });
    await until(() => nextOf(agent)).toBe("schedule");
    await meet({ agent, resident });
    resident.process.kill(signal);
    await resident.ended;
    await stage.turnTo(agent, 2);
    const next = begin(agent);
    await next.said(/ended: updated/);
    await expectInstalled(agent, 2);
    await until(() => nextOf(agent)).toBe("schedule");
  });

  test("nothing where a run by hand has just got all", async () => {
    const agent = await stage.agentOf(1);
    await settle(agent);
    const first = begin(agent);
    await first.said(/ended: updated/);
    await expect.poll(async () => (await statusOf(agent)).agent?.runs?.length, { timeout: 30_000 }).toBe(1);
    await first.stop();
    expect((await on(agent, "update")).code).toBe(0);
    await begin(agent).said(/the agent is ready/);
    expect((await statusOf(agent)).agent).toMatchObject({
      running: null,
      next: { why: "schedule" },
    });
  });
});

describe("SIGHUP", () => {
  test("has the configuration read again", async () => {
    const { agent, resident } = await residentOf(1, {}, { listen: { host: "127.0.0.1", port: null } });
    await resident.said(/ended: updated/);
    expect((await statusOf(agent)).agent.port).toBeNull();
    await settle(agent);
    resident.process.kill("SIGHUP");
    await resident.said(/the configuration was read again/);
    expect(await announce(resident, 1)).toBe(204);
  });

  test("leaves everything as it was when that is invalid, in an error that says what is wrong", async () => {
    const { agent, resident } = await residentOf(1);
    await resident.said(/ended: updated/);
    const before = await fs.readFile(agent.configFile, "utf8");
    await changeConfig(agent, { kinds: ["nonsense"] });
    resident.process.kill("SIGHUP");
    await resident.said(/error: the configuration stays as it was: .*"kinds\[0\]" must be one of/);
    // The run that follows goes by the configuration that is in force, not by the one in the file.
    await stage.turnTo(agent, 2);
    expect(await announce(resident, 2)).toBe(202);
    await resident.said(/ended: updated[\s\S]*ended: updated/);
    await expectInstalled(agent, 2);
    await fs.writeFile(agent.configFile, before);
  });

  test("does not move the agent to another data directory", async () => {
    const { agent, resident } = await residentOf(1);
    await resident.said(/ended: updated/);
    await changeConfig(agent, { dataDir: "elsewhere" });
    resident.process.kill("SIGHUP");
    await resident.said(/error: the configuration stays as it was: another dataDir takes a restart/);
    await changeConfig(agent, { dataDir: "data" });
  });
});

describe("beside the agent", () => {
  test("a manual update works while the agent waits for its time", async () => {
    const { agent, resident } = await residentOf(1);
    await resident.said(/ended: updated/);
    await stage.turnTo(agent, 2);
    const manual = await on(agent, "update");
    expect(manual).toMatchObject({ code: 0, stderr: "" });
    expect(manual.stdout).toContain("updated: generation 2 is installed");
  });

  test("a manual update that goes on is waited for, then the agent's own run follows", async () => {
    const agent = await stage.agentOf(2, { sources: {}, installed: 1 });
    let release = () => {};
    const gate = new Promise<void>((open) => {
      release = open;
    });
    const slow = await startSource(stage.world.www(2), {
      answer: async ({ url = "" }) => {
        if (url.endsWith(objectOf(2, "rules"))) await gate;
        return false;
      },
    });
    sources.push(slow);
    const entries = [{ range: "127.0.0.0/8", name: "slow", url: slow.url }];
    await writeJson(path.join(agent.folder, "list.json"), { entries, serverFallback: { enabled: false } });
    await settle(agent);
    await forgetRuns(agent);
    const manual = start(["update", "--config", agent.configFile]);
    await until(() => slow.objects().length).toBeGreaterThan(0);
    const resident = begin(agent);
    await resident.said(/waiting: another update is running/);
    await until(async () => (await statusOf(agent)).agent.running?.waiting).toContain("another update");
    release();
    expect(await manual.ended).toMatchObject({ code: 0 });
    await resident.said(/ended: current/);
    await expectInstalled(agent, 2);
  });

  test("a manual update during the agent's run says who runs, and with --wait comes after it", async () => {
    let release = () => {};
    const gate = new Promise<void>((open) => {
      release = open;
    });
    const slow = await startSource(stage.world.www(2), {
      answer: async ({ url = "" }) => {
        if (url.endsWith(objectOf(2, "rules"))) await gate;
        return false;
      },
    });
    sources.push(slow);
    const { agent } = await residentOf(2, { sources: { slow: slow.url } });
    await until(() => slow.objects().length).toBeGreaterThan(0);
    expect((await on(agent, "update")).code).toBe(5);
    const waiting = start(["update", "--wait", "--config", agent.configFile]);
    await once(waiting.process.stdout as NodeJS.ReadableStream, "data");
    release();
    const ended = await waiting.ended;
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stdout).toContain("already current: generation 1 is installed");
  });
});

test("SIGTERM in mid-download ends the agent, and the next one goes on where it was", async () => {
  const object = objectOf(2, "rules");
  const halting = await startSource(stage.world.www(2), {
    answer: async ({ url = "" }, response) => {
      if (!url.endsWith(object)) return false;
      const bytes = await fs.readFile(path.join(stage.world.www(2), url));
      response.writeHead(200, { "content-length": bytes.length }).write(bytes.subarray(0, 40_000));
      return true;
    },
  });
  const good = await startSource(stage.world.www(2));
  sources.push(halting, good);
  const { agent, resident } = await residentOf(2, { sources: { halting: halting.url } });
  await until(() =>
    halting
      .objects()
      .map(({ path }) => path)
      .join(" "),
  ).toContain(object);
  expect(await resident.stop()).toMatchObject({ code: 0 });
  expect(resident.text()).toContain("the agent has ended");
  const { size } = await fs.stat(path.join(agent.dataDir, "partial", object));
  await writeJson(path.join(agent.folder, "list.json"), {
    entries: [{ range: "127.0.0.1", url: good.url }],
    serverFallback: { enabled: false },
  });
  await begin(agent).said(/ended: updated/);
  await expectInstalled(agent, 2);
  if (size > 0) expect(good.objects().map(({ range }) => range)).toContain(`bytes=${size}-`);
});

describe("a kind that no source of the list can deliver", () => {
  /** An agent with a root for settings, whose list has none. */
  async function lacking(policy: object = {}) {
    const agent = await stage.agentOf(1);
    const root = path.join(stage.world.folder, `settings-${path.basename(agent.folder)}`);
    await initRepository({ dir: root, repository: "settings" });
    await fs.copyFile(path.join(root, "settings/metadata/1.root.json"), path.join(agent.folder, "site.json"));
    await settle(agent, { roots: { content: "root.json", settings: "site.json" } }, policy);
    await changeConfig(agent, { kinds: ["components", "settings"] });
    return agent;
  }
  const REMARK = /no source delivers settings: entries\[0\] declares only components: add kinds/;

  test("is said with its remedy, and not tried again before the schedule's next run", async () => {
    const agent = await lacking();
    const resident = begin(agent);
    await resident.said(/ended: partial/);
    await until(async () => (await statusOf(agent)).agent.next?.why).toBe("schedule");
    const status = await statusOf(agent);
    expect(status.agent.runs).toHaveLength(1);
    expect(status.remarks).toEqual([expect.stringMatching(REMARK)]);
    expect(status.lastRun).toMatchObject({ report: { undelivered: ["settings"], uncovered: ["settings"] } });
    expect(resident.text().match(new RegExp(REMARK, "g"))).toHaveLength(1);
    for (const command of ["explain", "status"]) {
      expect((await on(agent, command)).stdout.match(new RegExp(REMARK, "g"))).toHaveLength(1);
    }
  });

  test("is no reason to leave alone what could have come", async () => {
    const agent = await lacking();
    await writeJson(path.join(agent.folder, "list.json"), {
      entries: [{ range: "127.0.0.0/8", url: "http://127.0.0.2:21119" }],
      serverFallback: { enabled: false },
    });
    const resident = begin(agent);
    await resident.said(/ended: exhausted/);
    await until(async () => (await statusOf(agent)).agent.next?.why).toBe("retry");
  });

  test("a policy with a field that has no effect is said in the log as well", async () => {
    const resident = begin(await lacking({ shedule: {} }));
    await resident.said(/warn: .*policy\.json: its field "shedule" .* \(did you mean "schedule"\?\)/);
  });
});
