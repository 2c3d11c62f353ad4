import { describe, expect, onTestFinished, test } from "vitest";
import { SILENT } from "../../../src/config/log.ts";
import { metricsOf } from "../../../src/server/metrics/metricsPage.ts";
import { watchSources } from "../../../src/server/metrics/watchSources.ts";
import { runServer } from "../../../src/server/runServer.ts";
import { readServerConfig } from "../../../src/server/serverConfig.ts";
import { databases } from "../../support/databases.ts";
import { faultsOfPage, hasReferenceParser, readSamples, type Sample } from "../../support/openMetrics.ts";
import {
  asBrowser,
  asScript,
  callApi,
  enrolMachine,
  makeServer,
  openServer,
  type ServerWorld,
  tokenOf,
} from "../../support/serverWorld.ts";

const sampleOf = (samples: Sample[], name: string, labels: Record<string, string> = {}) =>
  samples.find(
    (each) =>
      each.name === name && Object.entries(labels).every(([key, value]) => each.labels[key] === value),
  )?.value;

describe.for(databases().filter(({ isShared }) => isShared))("with $name,", ({ isHere, makeUrl }) => {
  describe.skipIf(!isHere)("the metrics of a server", () => {
    async function worldOf() {
      const world = await makeServer(await makeUrl());
      onTestFinished(() => world.close());
      const payload = { token: world.token, user: "ada", password: "correct horse battery" };
      await world.people.inject(asBrowser({ method: "POST", url: "/api/v1/setup", payload }));
      await watchSources(world.context);
      return { world, token: await tokenOf(world, "administrator") };
    }
    const pageOf = async (world: ServerWorld) => (await metricsOf(world.context)).body;

    async function report(world: ServerWorld, agent: { id: string; secret: string }, attempts: object[]) {
      const at = (time: number) => new Date(time).toISOString();
      const payload = {
        ...{
          started: at(world.clock.now),
          ended: at(world.clock.now),
          trigger: "schedule",
          program: "0.1.0",
        },
        report: { outcome: "updated", attempts },
      };
      const request = { method: "PUT", url: `/v1/agents/${agent.id}/report`, payload } as const;
      return (await world.agents.inject(asScript(request, agent.secret))).statusCode;
    }

    test("count agents by domain and state, reports, bytes by source, failures, publications and expiries", async () => {
      const { world, token } = await worldOf();
      const entries = [{ range: "10.1.0.0/16", name: "ua-berlin", url: "http://ua.example:21112" }];
      await callApi(world, token, "PUT /source-list", { mode: "customized", entries }, 0);
      const agent = await enrolMachine(world, token, { name: "pc-1" });
      await enrolMachine(world, token, { name: "pc-2" });
      const attempt = { outcome: "delivered", url: "http://x" };
      const attempts = [
        { ...attempt, rule: "custom", name: "ua-berlin", bytes: 7 },
        { ...attempt, rule: "server", bytes: 20, wasted: 6 },
        { ...attempt, rule: "custom", name: "made-up", bytes: 300 },
        { ...attempt, rule: "custom", name: "made-up too", bytes: 1_000 },
      ];
      expect(await report(world, agent, attempts)).toBe(204);
      expect(await report(world, { ...agent, secret: "x".repeat(43) }, [])).toBe(401);
      const wrong = { user: "ada", password: "wrong" };
      await world.people.inject(asBrowser({ method: "POST", url: "/api/v1/session", payload: wrong }));
      const samples = readSamples(await pageOf(world));
      const server = (name: string, labels?: Record<string, string>) =>
        sampleOf(samples, `nearsource_server_${name}`, labels);
      expect(server("agents", { domain: "default", state: "online" })).toBe(1);
      expect(server("agents", { domain: "default", state: "never" })).toBe(1);
      expect(server("report_seconds_count")).toBe(1);
      expect(server("reports_refused_total", { status: "401" })).toBe(1);
      expect(server("wan_bytes_total", { source: "ua-berlin" })).toBe(7);
      expect(server("wan_bytes_total", { source: "server" })).toBe(20);
      expect(server("wan_bytes_total", { source: "other" })).toBe(1_300);
      expect(server("wasted_bytes_total", { source: "server" })).toBe(6);
      expect(server("wasted_bytes_total", { source: "ua-berlin" })).toBeUndefined();
      expect(server("sign_in_failures_total", { status: "401" })).toBe(1);
      expect(server("publication_seconds_count")).toBe(1);
      expect(server("http_request_seconds_count", { operation: "putReport", status: "2xx" })).toBe(1);
      expect(server("database_up")).toBe(1);
      expect(server("database_bytes")).toBeGreaterThan(1_000);
      expect(server("build_info")).toBe(1);
      const expiry = sampleOf(samples, "nearsource_metadata_expiry_timestamp_seconds", {
        repository: "settings",
        role: "timestamp",
      });
      expect(expiry).toBeGreaterThan(world.clock.now / 1_000);
      expect(sampleOf(samples, "process_resident_memory_bytes")).toBeGreaterThan(1e6);
    });

    test.skipIf(!hasReferenceParser)(
      "are OpenMetrics, by its reference parser, with whatever names",
      async () => {
        const { world, token } = await worldOf();
        const entries = [
          { range: "10.1.0.0/16", name: 'a "name" \\ of {its} own', url: "http://ua.example" },
        ];
        await callApi(world, token, "PUT /source-list", { mode: "customized", entries }, 0);
        const agent = await enrolMachine(world, token, { name: "pc-1" });
        await report(world, agent, [
          {
            rule: "custom",
            name: 'a "name" \\ of {its} own',
            url: "http://x",
            outcome: "delivered",
            bytes: 1,
          },
        ]);
        expect(faultsOfPage(await pageOf(world))).toBe("");
      },
    );

    test("name no agent, and are as many for a thousand agents as for one", async () => {
      const { world, token } = await worldOf();
      await enrolMachine(world, token, { name: "pc-secret" });
      const before = readSamples(await pageOf(world)).length;
      const { db } = world.context.database;
      const [row] = await db.selectFrom("agents").selectAll().execute();
      const many = Array.from({ length: 1_000 }, (_, index) => ({
        ...row,
        id: `a${index}`,
        secret_hash: `${index}`,
      }));
      for (let from = 0; from < many.length; from += 100) {
        await db
          .insertInto("agents")
          .values(many.slice(from, from + 100) as never)
          .execute();
      }
      const other = await openServer(world.dir, world.token);
      onTestFinished(() => other.stop());
      await watchSources(other.context);
      const page = await pageOf(other);
      const samples = readSamples(page).filter(({ name }) => !/^nearsource_server_http/.test(name));
      expect(samples.length).toBeLessThanOrEqual(before);
      expect(sampleOf(samples, "nearsource_server_agents", { state: "never" })).toBe(1_001);
      expect(page).not.toContain("pc-secret");
    });

    test("say so where the database does not answer", async () => {
      const { world } = await worldOf();
      await world.context.database.db.schema.alterTable("agents").renameTo("gone").execute();
      const samples = readSamples(await pageOf(world));
      expect(sampleOf(samples, "nearsource_server_database_up")).toBe(0);
    });
  });
});

test("monitors read them at the console's port with a token, and at a port of their own without, which answers nothing else", async () => {
  const place = { host: "127.0.0.1", port: 0 };
  const world = await makeServer(undefined, { console: place, agents: place, metrics: place });
  const payload = { token: world.token, user: "ada", password: "correct horse battery" };
  await world.people.inject(asBrowser({ method: "POST", url: "/api/v1/setup", payload }));
  const token = await tokenOf(world, "viewer");
  await world.stop();
  const server = await runServer(await readServerConfig(world.dir), SILENT);
  onTestFinished(async () => {
    await server.close();
    await world.close().catch(() => {});
  });
  const get = (port: number | undefined, path: string, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${port}${path}`, init);
  expect((await get(server.consolePort, "/metrics")).status).toBe(401);
  const asViewer = await get(server.consolePort, "/metrics", {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(asViewer.status).toBe(200);
  expect(asViewer.headers.get("content-type")).toMatch(/^application\/openmetrics-text; version=1.0.0/);
  expect(await asViewer.text()).toContain("# EOF");
  const open = await get(server.metricsPort, "/metrics");
  expect([open.status, (await open.text()).endsWith("# EOF\n")]).toEqual([200, true]);
  expect((await get(server.metricsPort, "/healthz")).status).toBe(200);
  for (const path of [
    "/",
    "/api/v1/agents",
    "/api/v1/metrics",
    "/v1/notify",
    "/content/metadata/timestamp.json",
  ]) {
    expect([path, (await get(server.metricsPort, path)).status]).toEqual([path, 404]);
  }
  expect((await get(server.metricsPort, "/metrics", { method: "POST" })).status).toBe(405);
  expect((await get(server.agentsPort, "/metrics")).status).toBe(404);
});

test("monitors come to their port from the addresses of metrics.allow alone", async () => {
  const place = { host: "127.0.0.1", port: 0 };
  for (const [allow, status] of [
    [["127.0.0.0/8"], 200],
    [["10.0.0.0/8", "::1"], 403],
    [[], 403],
  ] as const) {
    const world = await makeServer(undefined, {
      console: place,
      agents: place,
      metrics: { ...place, allow },
    });
    await world.stop();
    const server = await runServer(await readServerConfig(world.dir), SILENT);
    onTestFinished(async () => {
      await server.close();
      await world.close().catch(() => {});
    });
    const headers = { "x-forwarded-for": "10.0.0.1" };
    for (const path of ["/metrics", "/healthz"]) {
      const answer = await fetch(`http://127.0.0.1:${server.metricsPort}${path}`, { headers });
      expect([allow, path, answer.status]).toEqual([allow, path, status]);
    }
  }
});
