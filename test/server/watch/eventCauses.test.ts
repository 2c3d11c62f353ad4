import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { readToken } from "../../../src/core/fleet/enrolmentToken.ts";
import { EVENT_NAMES, type EventType } from "../../../src/core/fleet/watch/eventTypes.ts";
import { addRelease } from "../../../src/publisher/addRelease.ts";
import { initRepository } from "../../../src/publisher/init.ts";
import { Notifier } from "../../../src/server/notify/notifier.ts";
import { watchStages } from "../../../src/server/releases/watchStages.ts";
import { lookAfter } from "../../../src/server/serverHealth.ts";
import { WebhookSender } from "../../../src/server/watch/webhookSender.ts";
import { databases } from "../../support/databases.ts";
import { type Receiver, startReceiver } from "../../support/receiver.ts";
import { contentPublications } from "../../support/repositories.ts";
import {
  asBrowser,
  asScript,
  type Call,
  enrolMachine,
  makeReadyServer,
  reportRun,
  type ServerWorld,
} from "../../support/serverWorld.ts";
import { startSource } from "../../support/source.ts";
import { tellableAgents } from "../../support/tellableAgents.ts";
import { newFolder, writeJson } from "../../support/world.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const RULES = "/releases/components/rules";

interface Site {
  world: ServerWorld;
  token: string;
  call: Call;
  /** Of the webhook that is told of the event. */
  webhook: string;
  vendor: { isDown: boolean };
}

/** Causes what an event type is for, as it comes about in a fleet. @returns subject of the event */
type Cause = (site: Site) => Promise<string>;

const enrol = async ({ world, token }: Site, name: string, address: string) => {
  const machine = await enrolMachine(world, token, { name, addresses: [address] });
  world.clock.now += 1;
  return machine;
};

/** Enrols what has the disk of another machine. */
async function enrolCopy({ world, call }: Site, of: string, name: string, address: string): Promise<number> {
  const { body } = await call("POST /enrolment-tokens", {});
  const fingerprint = createHash("sha256").update(of).digest("hex");
  const machine = { token: readToken(body.token)?.secret, name, addresses: [address], fingerprint };
  const payload = { ...machine, program: "0.1.0" };
  return (await world.agents.inject(asScript({ method: "POST", url: "/v1/enrol", payload }))).statusCode;
}

const list = async ({ call }: Site, range: string, version: number) => {
  const entries = [{ range, url: "http://ua.example:21112" }];
  expect((await call("PUT /source-list", { mode: "customized", entries }, version)).status).toBe(200);
};

async function failFleet(site: Site): Promise<{ id: string; secret: string }> {
  const agent = await enrol(site, "pc-1", "10.1.0.1");
  expect(await reportRun(site.world, agent, { outcome: "exhausted", addresses: ["10.1.0.1"] })).toBe(204);
  await lookAfter(site.world.context);
  return agent;
}

const LIAR = "http://ua.example:21112";
const tried = { rule: "custom", url: LIAR };

/** An agent is sent other bytes than the signed ones by the source of the list. */
async function lieTo(site: Site): Promise<{ id: string; secret: string }> {
  await list(site, "10.1.0.0/16", 0);
  const agent = await enrol(site, "pc-1", "10.1.0.1");
  const attempts = [{ ...tried, outcome: "failed", code: "HASH_MISMATCH", bytes: 9 }];
  expect(await reportRun(site.world, agent, { outcome: "updated", attempts })).toBe(204);
  await lookAfter(site.world.context);
  return agent;
}

async function loseKey({ world }: Site): Promise<() => Promise<void>> {
  const key = path.join(world.dir, "keys", "settings", "timestamp.pem");
  await fs.rename(key, `${key}.away`);
  world.clock.now += DAY;
  await lookAfter(world.context);
  return async () => await fs.rename(`${key}.away`, key);
}

async function loseVendor({ world, vendor }: Site): Promise<void> {
  await world.context.mirror.refresh();
  vendor.isDown = true;
  world.clock.now += 6 * HOUR;
  await world.context.mirror.refresh();
  await lookAfter(world.context);
}

/** A release whose hook fails at one of two agents, and so is halted by the server. */
async function haltRelease(site: Site): Promise<void> {
  const { world, call } = site;
  const keysDir = path.join(world.dir, "content-keys");
  await initRepository({ dir: world.context.trees.www, repository: "content", keysDir });
  const release = async (version: string) => {
    const folder = await newFolder();
    await writeJson(path.join(folder, "rules.json"), { version });
    const what = { kind: "components", name: "rules", version, path: folder } as const;
    await addRelease({ dir: world.context.trees.www, keysDir, ...what });
    await world.context.trees.look();
    await watchStages(world.context);
  };
  await release("1.0");
  const agents = [await enrol(site, "pc-1", "10.1.0.1"), await enrol(site, "pc-2", "10.1.0.2")];
  const has = (number: number) => [
    { component: "components/rules", release: number, version: `${number}.0` },
  ];
  for (const each of agents) await reportRun(world, each, { outcome: "updated", components: has(1) });
  const { version } = (await call(`GET ${RULES}`)).body;
  const rollout = { stages: [{ percent: 100, after: 0 }], limits: { share: 0.05, silence: HOUR } };
  expect((await call(`PUT ${RULES}/rollout`, rollout, version)).status).toBe(200);
  await release("2.0");
  world.clock.now += 1_000;
  const [first = { id: "", secret: "" }] = agents;
  const held = [{ component: "components/rules", release: 2, reason: "held after a failure" }];
  const failure = { code: "HOOK_FAILED" };
  const failed = { outcome: "partial", attempts: [], components: has(1), held, failure };
  expect(await reportRun(world, first, failed)).toBe(204);
  await watchStages(world.context);
}

const CAUSES: Record<EventType, Cause> = {
  "agent.cloned": async (site) => {
    const { id } = await enrol(site, "gold", "10.1.0.1");
    expect(await enrolCopy(site, "gold", "copy", "10.9.0.1")).toBe(201);
    return id;
  },
  "agent.doubled": async (site) => {
    const agent = await enrol(site, "gold", "10.1.0.1");
    for (const address of ["10.1.0.1", "10.2.0.1", "10.1.0.1"]) {
      site.world.clock.now += 10_000;
      const ended = new Date(site.world.clock.now + 60_000).toISOString();
      await reportRun(site.world, agent, { outcome: "updated", addresses: [address] }, { ended });
    }
    return agent.id;
  },
  "agents.outdated": async (site) => {
    await failFleet(site);
    return "fleet";
  },
  "agents.recovered": async (site) => {
    const agent = await failFleet(site);
    site.world.clock.now += 1_000;
    expect(await reportRun(site.world, agent, { outcome: "updated", addresses: ["10.1.0.1"] })).toBe(204);
    await lookAfter(site.world.context);
    return "fleet";
  },
  "expiry.ahead": async (site) => {
    await loseKey(site);
    return "settings timestamp";
  },
  "expiry.renewed": async (site) => {
    const putBack = await loseKey(site);
    await putBack();
    site.world.clock.now += 1_000;
    await lookAfter(site.world.context);
    return "settings timestamp";
  },
  "limit.reached": async (site) => {
    site.world.context.config.enrolmentsPerHour = 1;
    await enrol(site, "pc-1", "10.1.0.1");
    expect(await enrolCopy(site, "pc-2", "pc-2", "10.1.0.2")).toBe(429);
    return "enrolment";
  },
  "mirror.late": async (site) => {
    await loseVendor(site);
    return "content";
  },
  "mirror.recovered": async (site) => {
    await loseVendor(site);
    site.vendor.isDown = false;
    await site.world.context.mirror.refresh();
    await lookAfter(site.world.context);
    return "content";
  },
  "networks.uncovered": async (site) => {
    await enrol(site, "pc-1", "10.1.0.1");
    await list(site, "10.2.0.0/16", 0);
    await lookAfter(site.world.context);
    return "networks";
  },
  "networks.covered": async (site) => {
    await CAUSES["networks.uncovered"](site);
    await list(site, "10.1.0.0/16", 1);
    site.world.clock.now += 1;
    await lookAfter(site.world.context);
    return "networks";
  },
  "notification.failed": async ({ world, token, call }) => {
    const [agent] = await tellableAgents(world, token, [{ name: "pc-1", address: "127.0.0.11" }]);
    onTestFinished(async () => await agent?.close());
    const { id } = (await call("POST /notifications", { target: { all: true } })).body;
    const notifier = new Notifier(world.context);
    const tell = async () => {
      for (let step = 0; step < 4; step++) {
        await notifier.step();
        await notifier.settled();
      }
      world.clock.now += 60_000;
    };
    await tell();
    await tell();
    await agent?.report({ code: "DISK_FULL" });
    await tell();
    await notifier.close();
    return id;
  },
  "release.halted": async (site) => {
    await haltRelease(site);
    return "components/rules 2";
  },
  "release.resumed": async (site) => {
    await haltRelease(site);
    expect((await site.call(`POST ${RULES}/resume`, { release: 2 })).status).toBe(200);
    return "components/rules 2";
  },
  "sign_in.locked": async ({ world }) => {
    const payload = { user: "ada", password: "wrong" };
    for (let attempt = 0; attempt < 8; attempt++)
      await world.people.inject(asBrowser({ method: "POST", url: "/api/v1/session", payload }));
    return "user ada";
  },
  "source.rejected": async (site) => {
    await lieTo(site);
    return LIAR;
  },
  "source.recovered": async (site) => {
    const agent = await lieTo(site);
    site.world.clock.now += 1_000;
    await reportRun(site.world, agent, {
      outcome: "updated",
      attempts: [{ ...tried, outcome: "delivered" }],
    });
    await lookAfter(site.world.context);
    return LIAR;
  },
  "webhook.test": async ({ call, webhook }) => {
    expect((await call(`POST /webhooks/${webhook}/test`)).status).toBe(200);
    return webhook;
  },
};

/** A server with a vendor, and a webhook for one type of events. */
async function siteOf(
  type: EventType,
  database: string,
): Promise<Site & { receiver: Receiver; secret: string }> {
  const receiver = await startReceiver();
  const vendor = { isDown: false };
  const { root, states } = await contentPublications();
  const source = await startSource(states.get("v1") ?? "", {
    answer: (_, response) => {
      if (vendor.isDown) response.writeHead(503).end();
      return vendor.isDown;
    },
  });
  // The other servers have content of their own where a release is to be halted.
  const mirrored = {
    activeUpdate: source.url,
    roots: { content: root },
    mirror: { minFree: 0, every: HOUR },
  };
  const { world, token, call } = await makeReadyServer("administrator", database, {
    ...{ webhooks: { allow: ["127.0.0.1"] }, watch: { troubledShare: 0.5 } },
    ...(type.startsWith("mirror.") ? mirrored : {}),
  });
  onTestFinished(async () => {
    await world.close();
    await Promise.all([receiver.close(), source.close()]);
  });
  const made = await call("POST /webhooks", { name: "chat", url: receiver.url, events: [type] });
  expect(made.status).toBe(201);
  return { world, token, call, webhook: made.body.id, secret: made.body.secret, vendor, receiver };
}

describe.for(databases().filter(({ isShared }) => isShared))("with $name,", ({ isHere, makeUrl }) => {
  test.skipIf(!isHere).for(EVENT_NAMES)(
    "a webhook that wants %s is told of it, signed and once, when its cause comes about",
    async (type) => {
      const site = await siteOf(type, await makeUrl());
      const { world, receiver, secret } = site;
      const subject = await CAUSES[type](site);
      const sender = new WebhookSender(world.context);
      // The conditions that hold on are no event of their own again.
      await lookAfter(world.context);
      for (let step = 0; step < 3; step++) {
        await sender.step();
        await sender.settled();
      }
      await sender.close();
      // The library takes no signature of another time than now.
      vi.useFakeTimers({ now: world.clock.now, toFake: ["Date"] });
      onTestFinished(() => void vi.useRealTimers());
      expect(receiver.events(secret)).toMatchObject([{ type, data: { subject } }]);
    },
  );
});
