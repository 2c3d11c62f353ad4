import { once } from "node:events";
import { promises as fs } from "node:fs";
import { request } from "node:http";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterEach, describe, expect, test, vi } from "vitest";
import { nearsource } from "../real/commandLine.ts";
import { programsOfPostgres } from "../support/databases.ts";
import { enrolAgents, type Load, send, startLoad } from "../support/fleetLoad.ts";
import { hasNginx } from "../support/nginx.ts";
import { newHome } from "../support/repositories.ts";
import { openSite, type Site } from "../support/serversBehindNginx.ts";
import { writeJson } from "../support/world.ts";

/** Rounds of `npm run crash:servers`; in CI a few. */
const ROUNDS = Number(process.env.ROUNDS ?? 5);
/** Bound for what is awaited, on a machine that is busy with other things. */
const AWAITED = { timeout: 120_000, interval: 100 };

let site: Site | undefined;
afterEach(async () => {
  await site?.close();
  site = undefined;
});

const isHere = programsOfPostgres() !== undefined && hasNginx();

/** The real client, that updates its settings from a base URL: what it says of the publication there. */
async function clientOf({ dirs, ports }: Site) {
  const home = await newHome("client");
  const root = path.join(home, "root.json");
  await fs.copyFile(path.join(dirs[0] ?? "", "www", "settings", "metadata", "1.root.json"), root);
  return async (index: number) => {
    const config = path.join(home, `config-${index}.json`);
    const server = `http://127.0.0.1:${ports[index]?.agents}`;
    const dataDir = path.join(home, `data-${index}`);
    await writeJson(config, { server, roots: { settings: root }, dataDir, kinds: ["settings"] });
    const { code, stdout, stderr } = await nearsource("update", "--json", "--config", config);
    expect(code, `${stdout}${stderr}`).toBe(0);
    return JSON.parse(stdout).sourceList as { version: number; from: string };
  };
}

/** Every report and save that was acknowledged is in the database, and both servers serve the newest settings. */
async function expectNothingLost(
  site: Site,
  { acknowledged }: Load,
  update: (index: number) => Promise<object>,
) {
  const client = new pg.Client({ connectionString: site.postgres.url });
  await client.connect();
  try {
    for (const [agent, starts] of acknowledged.reports) {
      const { rows } = await client.query("select started_at from runs where agent_id = $1", [agent]);
      const kept = new Set(rows.map((row) => Number(row.started_at)));
      const lost = [...starts].filter((start) => !kept.has(Date.parse(start)));
      expect(lost, `reports of ${agent}`).toEqual([]);
    }
    const { rows } = await client.query(
      "select version, content, published_at from documents where name = 'source-list'",
    );
    for (const [version, url] of acknowledged.saves) {
      const row = rows.find((each) => Number(each.version) === version);
      expect(row?.content, `version ${version}`).toContain(url);
      expect(row?.published_at, `version ${version}`).not.toBeNull();
    }
    const newest = Math.max(...rows.map((row) => Number(row.version)));
    await vi.waitFor(async () => {
      for (const index of site.dirs.keys()) {
        expect(await update(index)).toMatchObject({ version: newest, from: "server" });
      }
    }, AWAITED);
  } finally {
    await client.end();
  }
}

/** The same site, but for nginx: calls go to one of the servers. */
function directly(site: Site, index: number): Site {
  const { console: people, agents } = site.ports[index] ?? { console: 0, agents: 0 };
  return { ...site, console: `http://127.0.0.1:${people}`, agents: `http://127.0.0.1:${agents}` };
}

/** Stops the first server at a moment at which it holds the turn to sign, with SIGSTOP. */
async function stopWhileSigning(site: Site): Promise<void> {
  const client = new pg.Client({ connectionString: site.postgres.url });
  await client.connect();
  const isHeld = async () => {
    const key = `hashtextextended('signer', 0)`;
    const { rows } = await client.query(`select 1 from pg_locks where locktype = 'advisory' and granted
      and classid::bigint = (${key} >> 32) & 4294967295 and objid::bigint = ${key} & 4294967295`);
    return rows.length > 0;
  };
  try {
    for (;;) {
      while (!(await isHeld())) await sleep(5);
      site.signal(0, "SIGSTOP");
      await sleep(300);
      if (await isHeld()) return;
      site.signal(0, "SIGCONT");
      await sleep(50);
    }
  } finally {
    await client.end();
  }
}

const savesOf = ({ acknowledged }: Load) => acknowledged.saves.size;
const reportsOf = ({ acknowledged }: Load) =>
  [...acknowledged.reports.values()].reduce((sum, { size }) => sum + size, 0);

/** Waits until the load has gone on by so much. */
async function goesOn(load: Load, more = { saves: 2, reports: 20 }): Promise<void> {
  const [saves, reports] = [savesOf(load), reportsOf(load)];
  await vi.waitFor(() => {
    expect(savesOf(load)).toBeGreaterThanOrEqual(saves + more.saves);
    expect(reportsOf(load)).toBeGreaterThanOrEqual(reports + more.reports);
  }, AWAITED);
}

describe.skipIf(!isHere)("two servers behind nginx, on one PostgreSQL:", () => {
  const KEEP = { reports: { perAgent: 10_000 } };

  test("one is killed under load: nothing acknowledged is lost, the other signs and tells, agents go on", {
    timeout: 300_000,
  }, async () => {
    site = await openSite(KEEP);
    const update = await clientOf(site);
    const load = startLoad(site, await enrolAgents(site, 12));
    await goesOn(load);
    const headers = { cookie: site.cookie, "sec-fetch-site": "same-origin" };
    const url = `${site.console}/api/v1/notifications`;
    const begun = await send(url, "POST", { target: { all: true } }, headers);
    expect(begun?.status).toBe(201);
    const { id } = JSON.parse(begun?.text ?? "");
    await site.killServer(0);
    const heardBefore = new Map([...load.acknowledged.heard].map(([agent, { length }]) => [agent, length]));
    await goesOn(load);
    await vi.waitFor(async () => {
      const { counts } = JSON.parse((await send(`${url}/${id}`, "GET", undefined, headers))?.text ?? "{}");
      expect(counts).toMatchObject({ waiting: 0, unreachable: 0, failed: 0 });
    }, AWAITED);
    for (const [agent, before] of heardBefore) {
      expect(load.acknowledged.heard.get(agent)?.length, agent).toBeGreaterThan(before);
    }
    await site.startServer(0);
    await load.stop();
    await expectNothingLost(site, load, update);
  });

  test("agents and people are seen at their own addresses, whatever they write in front of them", {
    timeout: 120_000,
  }, async () => {
    site = await openSite({ proxies: ["127.0.0.1"] });
    const port = Number(new URL(site.agents).port);
    const fingerprint = "a".repeat(64);
    const body = JSON.stringify({ name: "pc", addresses: [], fingerprint, program: "0.1.0" });
    const headers = { "content-type": "application/json", "x-forwarded-for": "198.51.100.9" };
    const words = { host: "127.0.0.1", port, path: "/v1/enrol", method: "POST", headers };
    const asked = request({ ...words, localAddress: "127.0.0.77" }).end(body);
    const [answer] = await once(asked, "response");
    expect(answer.resume().statusCode).toBe(201);
    const own = { cookie: site.cookie, "sec-fetch-site": "same-origin" };
    const { text } = (await send(`${site.console}/api/v1/audit?limit=5`, "GET", undefined, own)) ?? {};
    const { items } = JSON.parse(text ?? "{}") as { items: { address: string }[] };
    expect(items.map(({ address }) => address)).toContain("127.0.0.77");
    expect(text).not.toContain("198.51.100.9");
  });

  test("the one that signs hangs: the other outlives it, and it takes up again what it missed", {
    timeout: 300_000,
  }, async () => {
    site = await openSite(KEEP);
    const update = await clientOf(site);
    const agents = await enrolAgents(site, 2);
    const [one, two] = [0, 1].map((index) => directly(site as Site, index)) as [Site, Site];
    await site.killServer(1);
    const before = startLoad(one, agents);
    await stopWhileSigning(site);
    await site.startServer(1);
    const load = startLoad(two, agents);
    await goesOn(load);
    site.signal(0, "SIGCONT");
    await goesOn(load);
    await Promise.all([before.stop(), load.stop()]);
    await expectNothingLost(site, before, update);
    await expectNothingLost(site, load, update);
  });

  test(`servers and PostgreSQL are killed at random, ${ROUNDS} times: nothing acknowledged is lost`, {
    timeout: 120_000 + ROUNDS * 30_000,
  }, async () => {
    site = await openSite(KEEP);
    const update = await clientOf(site);
    const load = startLoad(site, await enrolAgents(site, 6));
    await goesOn(load);
    const victims = ["server 1", "server 2", "both servers", "PostgreSQL", "connections"] as const;
    for (let round = 0; round < ROUNDS; round++) {
      const victim = victims[round % victims.length];
      await sleep(Math.random() * 400);
      if (victim === "PostgreSQL") {
        await site.postgres.kill();
        await sleep(Math.random() * 500);
        await site.postgres.start();
      } else if (victim === "connections") {
        const client = new pg.Client({ connectionString: site.postgres.url });
        await client.connect();
        await client.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'",
        );
        await client.end();
      } else {
        const indices = victim === "both servers" ? [0, 1] : [victim === "server 1" ? 0 : 1];
        await Promise.all(indices.map((index) => site?.killServer(index)));
        for (const index of indices) await site.startServer(index);
      }
      await goesOn(load, { saves: 1, reports: 6 });
      // Whatever was cut short: a client that remembers what it saw takes what is served now.
      expect(await update(round % 2)).toMatchObject({ from: "server" });
      if (round % 10 === 9)
        console.info(`${round + 1} rounds: ${savesOf(load)} saves, ${reportsOf(load)} reports`);
    }
    await load.stop();
    await expectNothingLost(site, load, update);
    const unsaid = load.acknowledged.refusals.filter(
      ({ status, retryAfter }) => status === 503 && retryAfter === null,
    );
    expect(unsaid).toEqual([]);
    const others = load.acknowledged.refusals.filter(
      ({ status }) => ![412, 429, 502, 503, 504].includes(status),
    );
    expect(others).toEqual([]);
  });
});
