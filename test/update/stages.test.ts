import { promises as fs } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { Rollout } from "../../src/core/settings/rollout.ts";
import { initRepository } from "../../src/publisher/init.ts";
import { setDocument } from "../../src/publisher/setDocument.ts";
import { dataDirAt } from "../../src/store/dataDir.ts";
import { readState } from "../../src/store/state/state.ts";
import { heldBackNow } from "../../src/update/settings/heldBack.ts";
import { makeRelayAgent, startTestRelay } from "../support/relay.ts";
import { startSource, type TestSource } from "../support/source.ts";
import {
  type Agent,
  closeAll,
  expectInstalled,
  makeAgent,
  objectOf,
  type Publication,
  runUpdate,
  sharedWorld,
  writeJson,
} from "../support/world.ts";

const stage = sharedWorld();
const open: { close: () => Promise<void> }[] = [];
afterEach(() => closeAll(open));

const HOUR = 3_600_000;
const ALL = { percent: 100, after: 0 };

/** A source of both repositories, whose settings say how releases of `rules` reach agents. */
async function siteOf(publication: Publication) {
  const dir = path.join(await fs.mkdtemp(path.join(stage.world.folder, "site-")), "www");
  await fs.cp(stage.world.www(publication), dir, { recursive: true });
  await initRepository({ dir, repository: "settings" });
  const source = await startSource(dir);
  open.push(source);
  let version = 0;
  const say = async (rollout: Partial<Rollout>) => {
    const file = path.join(dir, "..", "releases.json");
    await writeJson(file, { version: ++version, components: { "components/rules": rollout } });
    await setDocument({ dir, name: "releases", file });
  };
  return { dir, source, say, root: path.join(dir, "settings", "metadata", "1.root.json") };
}

async function agentOf(site: { source: TestSource; root: string }, installed: Publication): Promise<Agent> {
  const roots = { content: "root.json", settings: site.root };
  const config = { roots, kinds: ["settings", "components"] };
  const agent = await makeAgent(stage.world, { sources: {}, installed, config });
  const kinds = ["settings", "components"];
  const entries = [{ range: "127.0.0.0/8", name: "site", url: site.source.url, kinds }];
  await writeJson(path.join(agent.folder, "list.json"), { entries, serverFallback: { enabled: false } });
  return agent;
}

describe("an agent", () => {
  test("waits for its stage, says until when, and installs when the time has come although nothing was published", async () => {
    const site = await siteOf(3);
    await site.say({ stages: [{ percent: 100, after: HOUR }], seen: [{ release: 3, at: Date.now() }] });
    const agent = await agentOf(site, 1);
    const { report, lines } = await runUpdate(agent);
    expect(report).toMatchObject({
      exitCode: 0,
      components: [{ component: "components/rules", release: 1 }],
      held: [{ component: "components/rules", release: 3, reason: "held for a stage", stage: 1 }],
    });
    expect(lines.map(({ message }) => message).join("\n")).toMatch(/release 3 is for stage 1, from .* UTC/);
    await expectInstalled(agent, 1);
    const dirs = dataDirAt(agent.dataDir);
    const due = Date.parse((await readState(dirs)).stageDue ?? "");
    expect(due).toBe(report.held?.[0]?.from);
    expect(await heldBackNow({ domain: "default" }, dirs, { holds: {} }, new Date())).toEqual(report.held);
    expect(await heldBackNow({ domain: "default" }, dirs, { holds: {} }, new Date(due))).toEqual([]);

    await site.say({ stages: [{ percent: 100, after: 1_000 }], seen: [{ release: 3, at: Date.now() }] });
    await runUpdate(agent);
    const published = site.source.requests.length;
    await expect
      .poll(async () => (await runUpdate(agent)).report.outcome, { timeout: 20_000 })
      .toBe("updated");
    expect(site.source.requests.length).toBeGreaterThan(published);
    await expectInstalled(agent, 3);
    expect((await readState(dirs)).stageDue).toBeUndefined();
  });

  test("hears of a halt in the run that would have installed the release, from the same source", async () => {
    const site = await siteOf(3);
    await site.say({
      stages: [ALL],
      seen: [
        { release: 2, at: 0 },
        { release: 3, at: 0 },
      ],
    });
    const agent = await agentOf(site, 1);
    await site.say({
      stages: [ALL],
      seen: [
        { release: 2, at: 0 },
        { release: 3, at: 0 },
      ],
      halted: [{ release: 3, reason: "2 of 3 agents failed" }],
    });
    const { report } = await runUpdate(agent);
    await expectInstalled(agent, 2);
    expect(report.held).toMatchObject([{ release: 3, reason: "halted", why: "2 of 3 agents failed" }]);
  });

  test("goes back to a pin, stays there, and goes on when the pin is gone", async () => {
    const site = await siteOf(3);
    await site.say({ pin: 2 });
    const agent = await agentOf(site, 3);
    expect((await runUpdate(agent)).report.outcome).toBe("updated");
    await expectInstalled(agent, 2);
    expect((await runUpdate(agent)).report).toMatchObject({
      outcome: "current",
      held: [{ release: 3, reason: "pinned", pin: 2 }],
    });
    await site.say({});
    await runUpdate(agent);
    await expectInstalled(agent, 3);
  });

  test("takes nothing that a lying server invents: a pin that the vendor does not offer changes nothing", async () => {
    const site = await siteOf(2);
    await site.say({ pin: 9, seen: [{ release: 9, at: 0 }], stages: [ALL] });
    const agent = await agentOf(site, 1);
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ exitCode: 0, held: [{ release: 9, reason: "pinned", pin: 9 }] });
    await expectInstalled(agent, 1);
  });

  test("keeps the releases in force where new ones are invalid", async () => {
    const site = await siteOf(3);
    await site.say({ halted: [{ release: 3 }] });
    const agent = await agentOf(site, 1);
    await runUpdate(agent);
    await expectInstalled(agent, 2);
    await expect(site.say({ stages: [{ percent: 0, after: 0 }] })).rejects.toMatchObject({
      code: "SETTINGS_INVALID",
    });
  });
});

describe("an Update Agent", () => {
  const relayOf = async (site: Awaited<ReturnType<typeof siteOf>>) => {
    const kinds = ["settings", "components"] as const;
    const roots = { content: "root.json", settings: site.root };
    const options = { upstream: site.source.url, kinds: [...kinds], config: { roots, kinds } };
    const agent = await makeRelayAgent(stage.world, options);
    const entries = [{ range: "127.0.0.0/8", name: "site", url: site.source.url, kinds }];
    await writeJson(path.join(agent.folder, "list.json"), { entries, serverFallback: { enabled: false } });
    const relay = await startTestRelay(stage.world, { ...options, agent });
    open.push(relay);
    return relay;
  };
  const fetched = (site: { source: TestSource }) =>
    ([1, 2, 3] as const).filter((publication) =>
      site.source.objects().some((each) => each.path.endsWith(objectOf(publication, "rules"))),
    );

  test("has all releases that its clients may ask for before it announces", async () => {
    const site = await siteOf(3);
    const stages = [
      { percent: 10, after: 0 },
      { percent: 100, after: HOUR },
    ];
    const seen = [
      { release: 2, at: 0 },
      { release: 3, at: Date.now() },
    ];
    await site.say({ stages, seen });
    const relay = await relayOf(site);
    await relay.relay.refresh();
    expect(fetched(site)).toEqual([2, 3]);
  });

  test("fetches no release that is halted, and a pin once the settings say so, though no content is new", async () => {
    const site = await siteOf(3);
    await site.say({ halted: [{ release: 3 }] });
    const relay = await relayOf(site);
    await relay.relay.refresh();
    expect(fetched(site)).toEqual([2]);
    await site.say({ pin: 1 });
    await relay.relay.refresh();
    expect(fetched(site)).toEqual([1, 2]);
  });
});
