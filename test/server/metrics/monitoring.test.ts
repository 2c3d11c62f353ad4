import { spawnSync } from "node:child_process";
import { promises as fs, readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { metricsOf } from "../../../src/server/metrics/metricsPage.ts";
import { insertRelease, setHalt } from "../../../src/server/store/releases/releaseStore.ts";
import { transact } from "../../../src/server/store/transaction.ts";
import { startTestRelay } from "../../support/relay.ts";
import { makeServer } from "../../support/serverWorld.ts";
import { startSource } from "../../support/source.ts";
import { makeWorld, newFolder } from "../../support/world.ts";

const FOLDER = "docs/monitoring";
const promtool = spawnSync("promtool", ["--version"]).error === undefined;
if (!promtool) console.warn("skipped: there is no promtool here (apt-get install prometheus)");

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: { uid: string };
  targets?: { refId: string; expr: string }[];
}

const dashboard = JSON.parse(readFileSync(path.join(FOLDER, "grafana-dashboard.json"), "utf8")) as {
  uid: string;
  schemaVersion: number;
  panels: Panel[];
  templating: { list: { name: string; type: string; query: string }[] };
};
const rules = readFileSync(path.join(FOLDER, "alerts.yml"), "utf8");
const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

/** Families of metrics that a page declares, by their names in queries. */
function namesOf(page: string): string[] {
  return [...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = "", type]) => {
    if (type === "counter") return [`${name}_total`];
    return type === "histogram" ? ["_bucket", "_sum", "_count"].map((end) => name + end) : [name];
  });
}

let page: string;
let server: string[];
let relay: string[];
beforeAll(async () => {
  const world = await makeServer();
  const { db } = world.context.database;
  const release = { component: "rules", version: "1", seenAt: 0 };
  const halt = { at: 1, by: "ada", reason: "it is broken", evidence: null };
  await transact(db, async (tx) => {
    for (const [number, offered] of [true, true, false].entries()) {
      await insertRelease(tx, { ...release, release: number, offered });
      if (number > 0) await setHalt(tx, { ...release, release: number, halt });
    }
  });
  ({ body: page } = await metricsOf(world.context));
  server = namesOf(page);
  await world.close();
  const stage = await makeWorld();
  const source = await startSource(stage.www(1));
  const started = await startTestRelay(stage, { upstream: source.url });
  await started.relay.refresh();
  relay = namesOf((await started.relay.metrics()).body);
  await started.close();
  await source.close();
  await stage.remove();
});

/** Metrics that a query names. */
const namedIn = (text: string) => new Set(text.match(/\b(?:nearsource|process|nodejs)_[a-z_]+\b/g));

describe("the dashboard", () => {
  test("has panels of their own places, each with queries of the data source that is chosen", () => {
    const { panels, templating } = dashboard;
    expect(templating.list[0]).toMatchObject({ name: "datasource", type: "datasource", query: "prometheus" });
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const { type, title, gridPos, datasource, targets = [] } of panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect([title, taken.has(`${x} ${y}`)]).toEqual([title, false]);
          taken.add(`${x} ${y}`);
        }
      }
      if (type === "row") continue;
      expect(datasource?.uid).toBe(`\${datasource}`);
      expect(targets.length).toBeGreaterThan(0);
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    }
  });

  test("and the alert rules name metrics that a server and an Update Agent have, and no other", () => {
    const known = new Set([...server, ...relay]);
    const named = [...namedIn(expressions.join("\n")), ...namedIn(rules)];
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  test.skipIf(!promtool)("has queries that Prometheus reads", async () => {
    const folder = await newFolder();
    onTestFinished(() => fs.rm(folder, { recursive: true, force: true }));
    const file = path.join(folder, "queries.yml");
    const plain = expressions.map((expr) =>
      expr.replaceAll("$__rate_interval", "5m").replaceAll("$domain", ".*"),
    );
    const recorded = plain.map((expr, index) => ({ record: `query:${index}`, expr }));
    await fs.writeFile(file, JSON.stringify({ groups: [{ name: "queries", rules: recorded }] }));
    const { status, stderr } = spawnSync("promtool", ["check", "rules", file], { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, expect.any(String)]);
  });
});

describe("the alert rules", () => {
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name = ""]) => name);

  test.skipIf(!promtool)("are rules, and do what their own tests say", () => {
    for (const [verb, file] of [
      ["check", "alerts.yml"],
      ["test", "alerts.test.yml"],
    ] as const) {
      const done = spawnSync("promtool", [verb, "rules", path.join(FOLDER, file)], { encoding: "utf8" });
      expect([done.status, done.stdout + done.stderr]).toEqual([0, expect.stringContaining("SUCCESS")]);
    }
  });

  test("have a test each in which they fire", () => {
    const tried = readFileSync(path.join(FOLDER, "alerts.test.yml"), "utf8");
    const fired = new Set([...tried.matchAll(/alertname: (\w+)\n\s+exp_alerts:\n/g)].map(([, name]) => name));
    expect(alerts.filter((name) => !fired.has(name))).toEqual([]);
  });

  test("each say what to do", () => {
    expect(alerts.length).toBeGreaterThan(10);
    expect(rules.match(/remedy:/g)?.length).toBe(alerts.length);
    expect(rules.match(/summary:/g)?.length).toBe(alerts.length);
  });
});

test("a server counts the releases that are offered and halted, and no others", () => {
  expect(page).toContain("\nnearsource_server_halted_releases 1\n");
});

test("the page lists each metric of a server, and no other", () => {
  const listing = readFileSync(path.join(FOLDER, "README.md"), "utf8");
  const listed = [...listing.matchAll(/^\| `(nearsource_\w+)(?:\{[^}]*\})?` \|/gm)].map(
    ([, name = ""]) => name,
  );
  const own = server
    .filter((name) => name.startsWith("nearsource_") && !/_(sum|count)$/.test(name))
    .map((name) => name.replace(/_bucket$/, ""));
  expect(listed.toSorted()).toEqual(own.toSorted());
});
