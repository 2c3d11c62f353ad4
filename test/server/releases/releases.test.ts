import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { Rollout } from "../../../src/core/settings/rollout.ts";
import { addRelease } from "../../../src/publisher/addRelease.ts";
import { initRepository } from "../../../src/publisher/init.ts";
import { takeReport } from "../../../src/server/fleet/takeReports.ts";
import { watchStages } from "../../../src/server/releases/watchStages.ts";
import { publishLeftOver } from "../../../src/server/settings/publishDocument.ts";
import { databases } from "../../support/databases.ts";
import {
  asBrowser,
  callApi,
  callInSession,
  enrolMachine,
  makeServer,
  PASSWORD,
  publishedDocument,
  type ServerWorld,
  sessionIn,
  sessionOf,
  tokenOf,
} from "../../support/serverWorld.ts";
import { newFolder, writeJson } from "../../support/world.ts";

const HOUR = 3_600_000;
const RULES = "components/rules";
const URL = "/releases/components/rules";

const worlds: ServerWorld[] = [];
afterEach(async () => {
  for (const each of worlds.splice(0)) await each.close();
});

/** A server with a content repository of its own, where release 1 of `rules` was there from the beginning. */
async function made(settings: Record<string, unknown> = {}, database?: string) {
  const world = await makeServer(database, settings);
  worlds.push(world);
  const payload = { token: world.token, user: "root", password: PASSWORD };
  await world.people.inject(asBrowser({ method: "POST", url: "/api/v1/setup", payload }));
  const dir = world.context.trees.www;
  await initRepository({ dir, repository: "content", keysDir: path.join(world.dir, "content-keys") });
  const release = async (version: string) => {
    const folder = await newFolder();
    await writeJson(path.join(folder, "rules.json"), { version });
    await addRelease({
      dir,
      keysDir: path.join(world.dir, "content-keys"),
      kind: "components",
      name: "rules",
      version,
      path: folder,
    });
    await world.context.trees.look();
  };
  await release("1.0");
  await watchStages(world.context);
  const token = await tokenOf(world, "operator");
  const call = (line: Parameters<typeof callApi>[2], body?: object, version?: number) =>
    callApi(world, token, line, body, version);
  const rollout = async () => {
    const document = await publishedDocument(world, "releases");
    return (document as { components: Record<string, Rollout> } | undefined)?.components[RULES];
  };
  return { world, call, release, rollout };
}

type Made = Awaited<ReturnType<typeof made>>;

async function stage({ call }: Made, stages: object[], limits: object = { share: 0.05, silence: HOUR }) {
  const { version } = (await call(`GET ${URL}`)).body;
  return await call(`PUT ${URL}/rollout`, { stages, limits }, version);
}

async function agents({ world }: Made, names: string[], domain = "default"): Promise<string[]> {
  const token = await tokenOf(world, "administrator");
  const ids: string[] = [];
  for (const name of names) ids.push((await enrolMachine(world, token, { name, domain })).id);
  return ids;
}

/** Runs that were reported, of which each began at another time. */
let runs = 0;

/** The report of a run after which an agent has this release; with `failed` that one is held there; `code` is how the run failed. */
async function says(
  { world }: Made,
  agentId: string,
  release: number,
  failed?: number,
  code: string | null = "HOOK_FAILED",
) {
  const at = new Date(world.clock.now).toISOString();
  const started = new Date(world.clock.now - ++runs).toISOString();
  const held =
    failed === undefined ? [] : [{ component: RULES, release: failed, reason: "held after a failure" }];
  const failure = failed === undefined || code === null ? {} : { failure: { code } };
  const components = [{ component: RULES, release, version: `${release}.0` }];
  const outcome = failed === undefined || code === null ? "updated" : "partial";
  const report = { outcome, attempts: [], components, held, ...failure };
  await takeReport(
    world.context,
    agentId,
    { started, ended: at, trigger: "schedule", program: "0.1.0", report },
    "10.0.0.1",
  );
}

describe.for(databases().filter(({ isShared }) => isShared))("on $name", ({ isHere, makeUrl }) => {
  describe.skipIf(!isHere)("a release", () => {
    const start = async (settings: Record<string, unknown> = {}) => await made(settings, await makeUrl());

    test("that was there before is for all; the next is signed with the time it was first seen, once", async () => {
      const site = await start();
      expect(await site.rollout())?.toBeUndefined();
      const saved = await stage(site, [{ percent: 100, after: 12 * HOUR }]);
      expect(saved).toMatchObject({ status: 200, body: { rollout: { version: 2 }, proposal: null } });
      expect(await site.rollout())?.toMatchObject({
        stages: [{ percent: 100, after: 12 * HOUR }],
        seen: [{ release: 1, at: 0 }],
      });
      await site.release("2.0");
      const seenAt = site.world.clock.now;
      await watchStages(site.world.context);
      site.world.clock.now += HOUR;
      await watchStages(site.world.context);
      expect((await site.rollout())?.seen).toEqual([
        { release: 2, at: seenAt },
        { release: 1, at: 0 },
      ]);
      const { body } = await site.call("GET /releases");
      expect(body).toMatchObject({
        approval: null,
        items: [
          {
            component: RULES,
            state: "in stages",
            releases: [{ release: 2, seenAt, stages: [seenAt + 12 * HOUR] }, { release: 1 }],
          },
        ],
      });
    });

    test("that fails in a stage is halted with its evidence, signed, audited, and the agents are told", async () => {
      const site = await start();
      const ids = await agents(site, ["pc-1", "pc-2", "pc-3"]);
      for (const id of ids) await says(site, id, 1);
      await stage(site, [{ percent: 100, after: HOUR }]);
      await site.release("2.0");
      await watchStages(site.world.context);
      site.world.clock.now += HOUR - 1;
      await says(site, ids[0] ?? "", 1, 2);
      await watchStages(site.world.context);
      expect((await site.rollout())?.halted, "its stage has not come").toEqual([]);
      site.world.clock.now += 2;
      await says(site, ids[1] ?? "", 2);
      await watchStages(site.world.context);
      expect((await site.rollout())?.halted).toMatchObject([
        { release: 2, reason: "in stage 1, of 3 agents, it failed at 1" },
      ]);
      const shown = (await site.call(`GET ${URL}`)).body;
      expect(shown).toMatchObject({
        state: "halted",
        domains: [
          { domain: "default", release: 1, agents: 2 },
          { domain: "default", release: 2, agents: 1 },
        ],
        releases: [
          {
            release: 2,
            agents: 1,
            failed: 1,
            halt: {
              by: "server",
              evidence: {
                stage: 1,
                bad: 1,
                of: 3,
                agents: [{ name: "pc-1", what: "failed", code: "HOOK_FAILED" }],
              },
            },
          },
          { release: 1, agents: 2 },
        ],
      });
      const having = await site.call(`GET ${URL}/agents?release=1&limit=1`);
      expect(having.body).toMatchObject({
        items: [{ domain: "default", release: 1 }],
        next: expect.any(String),
      });
      const rest = await site.call(`GET ${URL}/agents?release=1&cursor=${having.body.next}`);
      expect(rest.body).toMatchObject({ items: [{ release: 1 }], next: null });
      expect((await site.call(`GET ${URL}/agents?failed=2`)).body.items).toMatchObject([
        { name: "pc-1", failedRelease: 2, code: "HOOK_FAILED" },
      ]);
      // Its next run goes well, without the release that is held back there: what failed is known as before.
      await says(site, ids[0] ?? "", 1, 2, null);
      expect((await site.call(`GET ${URL}/agents?failed=2`)).body.items).toMatchObject([
        { name: "pc-1", failedRelease: 2, code: "HOOK_FAILED" },
      ]);
      const audit = (await site.call("GET /audit")).body.items;
      expect(audit.map(({ operation }: { operation: string }) => operation)).toEqual(
        expect.arrayContaining(["haltRelease", "createNotification", "seeReleases"]),
      );
      expect(audit.find(({ operation }: { operation: string }) => operation === "haltRelease")).toMatchObject(
        { actor: "server", subject: RULES },
      );
    });

    test.for(["one commit", "two"])(
      "that failed is halted with the code of the failure, though the agent reports again before anybody looks, in %s",
      async (commits) => {
        const site = await start();
        const [id = "", ...others] = await agents(site, ["pc-1", "pc-2", "pc-3"]);
        for (const each of [id, ...others]) await says(site, each, 1);
        await stage(site, [{ percent: 100, after: HOUR }]);
        await site.release("2.0");
        await watchStages(site.world.context);
        site.world.clock.now += HOUR + 1;
        // The run after the one that failed is well, and the one after that stopped for a reason of its own.
        const reports = [
          () => says(site, id, 1, 2),
          () => says(site, id, 1, 2, null),
          () => says(site, id, 1, 2, "DISK_FULL"),
        ];
        if (commits === "two") for (const report of reports) await report();
        else await Promise.all(reports.map((report) => report()));
        await watchStages(site.world.context);
        const { releases } = (await site.call(`GET ${URL}`)).body;
        expect(releases[0].halt.evidence.agents).toMatchObject([
          { name: "pc-1", what: "failed", code: "HOOK_FAILED" },
        ]);
        expect((await site.call(`GET ${URL}/agents?failed=2`)).body.items).toMatchObject([
          { name: "pc-1", failedRelease: 2, code: "HOOK_FAILED" },
        ]);
      },
    );

    test("that makes agents silent is halted, whether or not they had said that they have it", async () => {
      const site = await start();
      const ids = await agents(site, ["pc-1", "pc-2"]);
      for (const id of ids) await says(site, id, 1);
      await stage(site, [{ percent: 100, after: 0 }]);
      await site.release("2.0");
      await watchStages(site.world.context);
      site.world.clock.now += 1_000;
      await says(site, ids[0] ?? "", 2);
      site.world.clock.now += HOUR;
      await watchStages(site.world.context);
      const { counts } = (await site.call(`GET ${URL}`)).body.releases[0].halt?.evidence ?? {
        counts: undefined,
      };
      expect(counts).toMatchObject({ agents: 2, installed: 1, silent: 1, missing: 1 });
      expect((await site.rollout())?.halted[0]?.reason).toMatch(/silent/);
    });

    test("that is fine goes on: agents that report again are well, and nothing is halted", async () => {
      const site = await start();
      const ids = await agents(site, ["pc-1", "pc-2"]);
      for (const id of ids) await says(site, id, 1);
      await stage(site, [{ percent: 100, after: 0 }]);
      await site.release("2.0");
      await watchStages(site.world.context);
      for (const id of ids) await says(site, id, 2);
      site.world.clock.now += HOUR / 2;
      for (const id of ids) await says(site, id, 2);
      site.world.clock.now += 3 * HOUR;
      await watchStages(site.world.context);
      expect((await site.rollout())?.halted).toEqual([]);
      expect((await site.call(`GET ${URL}`)).body.progress).toMatchObject([
        { release: 2, stage: 1, bad: 0, wouldHalt: false, counts: { agents: 2, installed: 2 } },
      ]);
    });

    test("that the vendor withdraws is signed no more, and not by a server that is behind with its mirror", async () => {
      const site = await start();
      await stage(site, [{ percent: 100, after: HOUR }]);
      await site.release("2.0");
      await watchStages(site.world.context);
      const { context } = site.world;
      const older = { ...context, trees: { ...context.trees, versions: () => ({ content: 1 }) } };
      await context.database.db
        .updateTable("releases")
        .set({ offered: 0 })
        .where("release", "=", 1)
        .execute();
      await watchStages(older as unknown as typeof context);
      expect((await site.call(`GET ${URL}`)).body.releases).toMatchObject([{ release: 2 }]);
      await watchStages(context);
      expect((await site.call(`GET ${URL}`)).body.releases).toMatchObject([{ release: 2 }, { release: 1 }]);
    });

    test("whose agents have runs that fail is not silent there, and they are not well", async () => {
      const site = await start();
      const [id = ""] = await agents(site, ["pc-1"]);
      await says(site, id, 1);
      await stage(site, [{ percent: 100, after: 0 }]);
      await site.release("2.0");
      await watchStages(site.world.context);
      await says(site, id, 2);
      site.world.clock.now += HOUR / 2;
      const at = new Date(site.world.clock.now).toISOString();
      const run = { started: at, ended: at, trigger: "schedule", program: "0.1.0" };
      const failure = { code: "STORAGE_FAILED", message: "the disk is gone" };
      await takeReport(site.world.context, id, { ...run, failure }, "10.0.0.1");
      await watchStages(site.world.context);
      const [shown] = (await site.call(`GET ${URL}`)).body.releases;
      expect(shown.halt.evidence).toMatchObject({
        counts: { unwell: 1, silent: 0 },
        agents: [{ name: "pc-1", what: "unwell", code: "STORAGE_FAILED" }],
      });
    });

    test("is halted by one of two servers that come to it at the same moment", async () => {
      const site = await start();
      const [id = ""] = await agents(site, ["pc-1"]);
      await says(site, id, 1);
      await stage(site, [{ percent: 100, after: 0 }]);
      await site.release("2.0");
      await watchStages(site.world.context);
      await says(site, id, 1, 2);
      await Promise.all([watchStages(site.world.context), watchStages(site.world.context)]);
      const audit = (await site.call("GET /audit")).body.items;
      expect(
        audit.filter(({ operation }: { operation: string }) => operation === "haltRelease"),
      ).toHaveLength(1);
    });

    test("that was halted when the server was killed is published by the next start", async () => {
      const site = await start();
      await site.release("2.0");
      await watchStages(site.world.context);
      await stage(site, [{ percent: 100, after: HOUR }]);
      const { db } = site.world.context.database;
      const saved = await db
        .selectFrom("documents")
        .selectAll()
        .where("name", "=", "releases")
        .executeTakeFirstOrThrow();
      const content = JSON.parse(saved.content);
      content.version = saved.version + 1;
      content.components[RULES].halted = [{ release: 2 }];
      await db
        .insertInto("documents")
        .values({
          ...saved,
          version: saved.version + 1,
          content: JSON.stringify(content),
          published_at: null,
        })
        .execute();
      await publishLeftOver(site.world.context);
      expect((await site.rollout())?.halted).toEqual([{ release: 2 }]);
    });
  });
});

describe("people", () => {
  test("halt, resume, roll back and go on", async () => {
    const site = await made();
    await site.release("2.0");
    await watchStages(site.world.context);
    expect((await site.call(`POST ${URL}/halt`, { reason: "stops the spooler" })).status).toBe(200);
    expect(await site.rollout())?.toMatchObject({
      stages: [],
      halted: [{ release: 2, reason: "stops the spooler" }],
    });
    expect((await site.call(`POST ${URL}/halt`, { release: 2 })).body).toMatchObject({ code: "CONFLICT" });
    expect((await site.call(`POST ${URL}/rollback`, { release: 2 })).body).toMatchObject({ code: "REFUSED" });
    expect((await site.call(`POST ${URL}/rollback`, { release: 9 })).body).toMatchObject({ code: "REFUSED" });
    expect((await site.call(`POST ${URL}/rollback`, { release: 1 })).status).toBe(200);
    expect(await site.rollout())?.toMatchObject({ pin: 1 });
    expect((await site.call(`POST ${URL}/halt`, { release: 1 })).body).toMatchObject({ code: "CONFLICT" });
    expect((await site.call(`POST ${URL}/resume`, { release: 2 })).status).toBe(200);
    expect(await site.rollout())?.toMatchObject({ pin: 1, halted: [] });
    expect((await site.call(`POST ${URL}/resume`, {})).status).toBe(200);
    expect(await site.rollout())?.toBeUndefined();
    expect((await site.call(`POST ${URL}/resume`, {})).body).toMatchObject({ code: "CONFLICT" });
  });

  test("are refused stages that agents would refuse, with the field, and versions that have changed", async () => {
    const site = await made();
    const bad = await stage(site, [
      { percent: 0, after: 0 },
      { percent: 5, after: 0, domains: ["nowhere"] },
    ]);
    expect(bad).toMatchObject({ status: 422, body: { code: "REFUSED" } });
    expect(bad.body.errors).toEqual([
      { field: "stages[0].percent", message: "must be above 0 and 100 at most" },
      { field: "stages[1].domains", message: expect.stringContaining("there is no domain nowhere") },
    ]);
    expect((await site.call(`PUT ${URL}/rollout`, { stages: [] }, 7)).body.code).toBe("CHANGED_MEANWHILE");
    expect((await site.call(`PUT ${URL}/rollout`, { stages: [] })).status).toBe(428);
  });

  test("of which one changes more than a set share wait for another; nobody approves his own", async () => {
    const site = await made({ approval: { share: 0.5 } });
    const ids = await agents(site, ["pc-1", "pc-2"]);
    for (const id of ids) await says(site, id, 1);
    await stage(site, [
      { percent: 10, after: 0 },
      { percent: 100, after: HOUR },
    ]);
    const before = await site.rollout();
    const ada = await sessionOf(site.world, "operator");
    const bob = await sessionOf(site.world, "operator");
    const as = async (
      session: string,
      method: "PUT" | "POST",
      place: string,
      payload?: object,
      version?: number,
    ) => {
      const headers = version === undefined ? {} : { "if-match": `"${version}"` };
      const request = { method, url: `/api/v1${place}`, headers, ...(payload && { payload }) };
      const answer = await site.world.people.inject(asBrowser(request, session));
      return { status: answer.statusCode, body: answer.json() };
    };
    const { version } = (await site.call(`GET ${URL}`)).body;
    const proposed = await as(ada, "PUT", `${URL}/rollout`, { stages: [] }, version);
    expect(proposed).toMatchObject({
      status: 200,
      body: { rollout: { version }, proposal: { state: "waiting", reach: 0.9 } },
    });
    expect(await site.rollout())?.toEqual(before);
    const { id } = proposed.body.proposal;
    expect(await as(ada, "POST", `/proposals/${id}/approve`)).toMatchObject({
      status: 403,
      body: { code: "NOT_ALLOWED" },
    });
    expect((await site.call(`POST /proposals/${id}/approve`)).status, "a program approves nothing").toBe(403);
    expect(await as(bob, "POST", `/proposals/${id}/approve`)).toMatchObject({
      status: 200,
      body: { state: "approved" },
    });
    expect(await site.rollout())?.toBeUndefined();
    expect(await as(bob, "POST", `/proposals/${id}/approve`)).toMatchObject({ body: { code: "CONFLICT" } });

    // What is halted waits for nobody; a proposal for what has changed meanwhile is over.
    const next = (await site.call(`GET ${URL}`)).body.version;
    await stage(site, [{ percent: 1, after: HOUR }]);
    const again = await as(ada, "PUT", `${URL}/rollout`, { stages: [] }, next + 1);
    await as(ada, "POST", `${URL}/halt`, { release: 1 });
    const stale = await as(bob, "POST", `/proposals/${again.body.proposal.id}/approve`);
    expect(stale).toMatchObject({ status: 412, body: { code: "CHANGED_MEANWHILE" } });
    expect((await as(bob, "POST", `/proposals/${again.body.proposal.id}/reject`)).body.state).toBe(
      "rejected",
    );
    expect((await site.call("GET /proposals?state=waiting")).body.items).toEqual([]);
  });

  test("who have the name of somebody who was deleted are others; one with a token is still one", async () => {
    const site = await made({ approval: { share: 0.5 } });
    const ids = await agents(site, ["pc-1", "pc-2"]);
    for (const id of ids) await says(site, id, 1);
    await stage(site, [{ percent: 100, after: HOUR }]);
    const { world } = site;
    const signIn = async (user: string) => {
      const request = {
        method: "POST",
        url: "/api/v1/session",
        payload: { user, password: PASSWORD },
      } as const;
      return String(sessionIn(await world.people.inject(asBrowser(request))));
    };
    const root = await signIn("root");
    const asRoot = (...words: [Parameters<typeof callApi>[2], object?]) =>
      callInSession(world, root, ...words);
    const make = async (user: string) =>
      (await asRoot("POST /users", { user, password: PASSWORD, role: "operator" })).body.id as string;
    const first = await make("ada");
    const ada = await signIn("ada");
    const { version } = (await site.call(`GET ${URL}`)).body;
    const propose = async (session: string) =>
      (await callInSession(world, session, `PUT ${URL}/rollout`, { stages: [] }, version)).body.proposal;
    const ofFirst = await propose(ada);
    expect(ofFirst).toMatchObject({ author: "ada", authorId: first });

    // A token that is called like another user does not speak for her, and what it does is its maker's.
    const called = { name: "grace", role: "operator" };
    const secret = (await asRoot("POST /api-tokens", called)).body.token;
    const byToken = (await callApi(world, secret, `PUT ${URL}/rollout`, { stages: [] }, version)).body
      .proposal;
    expect(byToken.author).toBe("root");
    const approve = async (session: string, id: string) =>
      (await callInSession(world, session, `POST /proposals/${id}/approve`)).status;
    expect(await approve(root, byToken.id)).toBe(403);
    expect(await approve(ada, ofFirst.id)).toBe(403);

    // Deleted and made anew: the name is the same, and it is somebody else.
    expect((await asRoot(`DELETE /users/${first}`)).status).toBe(204);
    const second = await make("ada");
    expect(await approve(await signIn("ada"), ofFirst.id)).toBe(200);

    const { items } = (await site.call("GET /audit")).body;
    const of = (operation: string) =>
      items
        .filter((each: { operation: string }) => each.operation === operation)
        .map(({ actor, actorKind, actorId }: Record<string, string>) => [actor, actorKind, actorId]);
    expect(of("resumeRelease").concat(of("changeRollout"))).toContainEqual(["ada", "user", second]);
    const token = (await asRoot("GET /api-tokens")).body.items.find(
      (each: { name: string }) => each.name === "grace",
    );
    expect(of("proposeRollout")).toEqual([
      ["grace", "token", token.id],
      ["ada", "user", first],
    ]);
  });

  test("cannot approve what was proposed by nobody knows whom", async () => {
    const site = await made({ approval: { share: 0.5 } });
    const ids = await agents(site, ["pc-1", "pc-2"]);
    for (const id of ids) await says(site, id, 1);
    await stage(site, [{ percent: 100, after: HOUR }]);
    const { version } = (await site.call(`GET ${URL}`)).body;
    const { proposal } = (await site.call(`PUT ${URL}/rollout`, { stages: [] }, version)).body;
    const { db } = site.world.context.database;
    await db.updateTable("proposals").set({ author_id: null }).execute();
    const bob = await sessionOf(site.world, "operator");
    const approve = await callInSession(site.world, bob, `POST /proposals/${proposal.id}/approve`);
    expect([approve.status, approve.body.detail]).toEqual([403, expect.stringContaining("make it again")]);
  });

  /** A site of ten agents, of which one person may change half alone, and people who sign in. */
  async function guarded() {
    const site = await made({ approval: { share: 0.5 } });
    const admin = await tokenOf(site.world, "administrator");
    for (const domain of ["north", "south", "west"])
      await callApi(site.world, admin, "POST /domains", { name: domain });
    const ids = [];
    for (const [domain, count] of Object.entries({ north: 4, south: 4, west: 2 })) {
      const names = Array.from({ length: count }, (_, index) => `${domain}-${index}`);
      ids.push(...(await agents(site, names, domain)));
    }
    for (const id of ids) await says(site, id, 1);
    const people = [await sessionOf(site.world, "operator"), await sessionOf(site.world, "operator")];
    const [ada, bob] = people.map(
      (session) =>
        (...words: [Parameters<typeof callApi>[2], object?, number?]) =>
          callInSession(site.world, session, ...words),
    );
    return { site, ids, ada: ada as NonNullable<typeof ada>, bob: bob as NonNullable<typeof bob> };
  }
  async function rootOf({ world }: Made) {
    const payload = { user: "root", password: PASSWORD };
    const request = { method: "POST", url: "/api/v1/session", payload } as const;
    return String(sessionIn(await world.people.inject(asBrowser(request))));
  }

  test("reach no smaller share of a fleet by enrolling machines that are none", async () => {
    const { site, ada } = await guarded();
    const { world } = site;
    await stage(site, [{ domains: ["west"], percent: 1, after: 30 * 24 * HOUR }]);
    const { db } = world.context.database;
    const age = async () => {
      const created_at = world.clock.now - 25 * HOUR;
      await db.updateTable("agents").set({ created_at }).execute();
    };
    await age();
    // As many again: of today, or of yesterday and silent.
    await agents(
      site,
      Array.from({ length: 12 }, (_, index) => `made-up-${index}`),
      "west",
    );
    const put = async () => {
      const { version } = (await site.call(`GET ${URL}`)).body;
      const stages = [{ domains: ["north", "south"], percent: 100, after: HOUR }];
      return (await ada(`PUT ${URL}/rollout`, { stages }, version)).body.proposal;
    };
    expect(await put()).toMatchObject({ state: "waiting" });
    await age();
    expect(await put()).toMatchObject({ state: "waiting" });
  });

  test("reach the share in two steps no more than in one, until the window has passed", async () => {
    const { site, ada, bob } = await guarded();
    await stage(site, [{ domains: ["west"], percent: 1, after: 30 * 24 * HOUR }]);
    const put = async (by: typeof ada, domain: string[]) => {
      const { version } = (await site.call(`GET ${URL}`)).body;
      const stages = [{ domains: domain, percent: 100, after: HOUR }];
      return (await by(`PUT ${URL}/rollout`, { stages }, version)).body.proposal;
    };
    expect(await put(ada, ["north"])).toBeNull();
    expect(await put(ada, ["north", "west"])).toMatchObject({ state: "waiting" });
    // Another person has a share of his own, and time gives the first one hers back.
    expect(await put(bob, ["north", "west"])).toBeNull();
    expect(await put(ada, ["north", "south", "west"])).toMatchObject({ state: "waiting" });
    site.world.clock.now += HOUR;
    expect(await put(ada, ["north", "south", "west"])).toBeNull();
  });

  test("reach it through holds of policies no more than through stages, nor through their tokens, at once or by moves", async () => {
    const { site, ids, ada, bob } = await guarded();
    const policy = (name: string, domains: string[], hold = 9) => ({
      name,
      targets: { domains, agents: [] },
      settings: { holds: { [RULES]: hold } },
    });
    // Whoever has what is held is reached by nothing.
    expect((await ada("POST /policies", policy("all as it is", ["north", "south", "west"], 1))).status).toBe(
      201,
    );
    const { id, version } = (await ada("GET /policies")).body.items[0];
    const both = await Promise.all([
      ada(`PATCH /policies/${id}`, { targets: { domains: ["south", "west"], agents: [] } }, version),
      ada("POST /policies", policy("other", ["nowhere"])),
    ]);
    expect(both.map(({ status }) => status)).toEqual([200, 422]);
    expect((await ada("POST /policies", policy("north", ["north"]))).status).toBe(201);
    const over = await ada(`PATCH /policies/${id}`, { settings: { holds: { [RULES]: 9 } } }, version + 1);
    expect([over.status, over.body.code]).toEqual([409, "SECOND_PERSON_NEEDED"]);
    expect(await publishedDocument(site.world, "policies/south")).toMatchObject({ holds: { [RULES]: 1 } });
    const [waiting] = (await ada("GET /proposals?state=waiting")).body.items;
    expect(waiting).toMatchObject({ component: "policy all as it is", reach: 0.6 });
    expect((await ada(`POST /proposals/${waiting.id}/approve`)).status).toBe(403);
    const token = (
      await callInSession(site.world, await rootOf(site), "POST /api-tokens", { name: "t", role: "operator" })
    ).body.token;
    expect((await callApi(site.world, token, `DELETE /policies/${id}`)).status).toBe(204);
    const gone = await bob(`POST /proposals/${waiting.id}/approve`);
    expect([gone.status, gone.body.code]).toEqual([404, "NOT_FOUND"]);
    // Agents that come to other holds by moves count one by one.
    const moved = [];
    for (const agent of ids.slice(4))
      moved.push((await ada(`PATCH /agents/${agent}`, { domain: "north" })).status);
    expect(moved.filter((status) => status === 200)).toHaveLength(1);
    expect(moved.filter((status) => status === 409)).toHaveLength(5);
  });

  test("have a policy approved by another, which is then signed", async () => {
    const { site, ids, ada, bob } = await guarded();
    const held = {
      name: "all",
      targets: { domains: ["north", "south"], agents: [] },
      settings: { holds: { [RULES]: 9 } },
    };
    expect((await ada("POST /policies", held)).body.code).toBe("SECOND_PERSON_NEEDED");
    const [waiting] = (await bob("GET /proposals?state=waiting")).body.items;
    expect((await bob(`POST /proposals/${waiting.id}/approve`)).body).toMatchObject({ state: "approved" });
    expect(await publishedDocument(site.world, "policies/south")).toMatchObject({ holds: { [RULES]: 9 } });
    const [policy] = (await bob("GET /policies")).body.items;
    for (const id of ids) await says(site, id, 9);
    expect((await bob(`DELETE /policies/${policy.id}`)).body.code).toBe("SECOND_PERSON_NEEDED");
    const [second] = (await ada("GET /proposals?state=waiting")).body.items;
    expect((await ada(`POST /proposals/${second.id}/approve`)).status).toBe(200);
    expect((await ada("GET /policies")).body.items).toEqual([]);
  });

  test("of two changes at once that reach it together, one is made", async () => {
    const { ada } = await guarded();
    const hold = (name: string) => ({
      name,
      targets: { domains: [name], agents: [] },
      settings: { holds: { [RULES]: 9 } },
    });
    const both = await Promise.all([
      ada("POST /policies", hold("north")),
      ada("POST /policies", hold("south")),
    ]);
    expect(both.map(({ status }) => status).toSorted()).toEqual([201, 409]);
  });
});
