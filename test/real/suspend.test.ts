import { promises as fs } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { WHOLE } from "../support/extent.ts";
import { startSource } from "../support/source.ts";
import {
  expectInstalled,
  expectTidy,
  makeAgent,
  objectOf,
  payload,
  SMALL,
  sharedWorld,
} from "../support/world.ts";
import { start } from "./commandLine.ts";

const stage = sharedWorld();

/** So long a client is stopped that its own limit has passed several times. */
const STALL_TIMEOUT = 800;
const ASLEEP = 3_000;
const WRITE_INTERVAL = 300;
/** More than half of an object comes to in that time, as it would with less in a longer one. */
const MIN_RATE = 20_000;

/** Runs an update that is stopped in the middle of an object; the source does `meanwhile`. */
async function sleepThrough(meanwhile: "sends the rest" | "goes away" | "says nothing more") {
  const asked = Promise.withResolvers<() => void>();
  const bytes = payload(2, "rules")["rules.dat"] ?? Buffer.alloc(0);
  const source = await startSource(stage.world.www(2), {
    answer: ({ url = "", headers }, response) => {
      if (!url.endsWith(objectOf(2, "rules")) || headers.range !== undefined) return false;
      response.writeHead(200, { "content-length": SMALL });
      response.write(bytes.subarray(0, SMALL / 4));
      // Bytes a while after the first piece are written with it, so that it can be seen to have come.
      setTimeout(() => response.write(bytes.subarray(SMALL / 4, SMALL / 2)), WRITE_INTERVAL);
      asked.resolve(() => {
        if (meanwhile === "sends the rest") response.end(bytes.subarray(SMALL / 2));
        if (meanwhile === "goes away") response.destroy();
      });
      return true;
    },
  });
  const good = await startSource(stage.world.www(2));
  const agent = await makeAgent(stage.world, {
    sources: { source: source.url, good: good.url },
    installed: 1,
    config: { http: { stallTimeout: STALL_TIMEOUT, minRate: MIN_RATE } },
  });
  const run = start(["update", "--json", "--config", agent.configFile]);
  const goOn = await asked.promise;
  const partial = path.join(agent.dataDir, "partial", objectOf(2, "rules"));
  await expect
    .poll(async () => (await fs.stat(partial)).size, { interval: 10, timeout: 10_000 })
    .toBe(SMALL / 2);
  run.process.kill("SIGSTOP");
  goOn();
  await delay(ASLEEP);
  run.process.kill("SIGCONT");
  const ended = await run.ended;
  expect(ended.code).toBe(0);
  await expectInstalled(agent, 2);
  await expectTidy(agent);
  await Promise.all([source.close(), good.close()]);
  const asks = source.objects().filter(({ path }) => path.endsWith(objectOf(2, "rules")));
  return { report: JSON.parse(ended.stdout), ranges: asks.map(({ range }) => range !== undefined) };
}

test("a client that was asleep in mid-download does not blame a source that sent meanwhile", async () => {
  const { report, ranges } = await sleepThrough("sends the rest");
  expect(report.attempts).toMatchObject([{ name: "source", outcome: "delivered" }]);
  expect(ranges).toEqual([false]);
});

test.skipIf(!WHOLE)("a client whose connection broke while it was asleep goes on where it was", async () => {
  const { report, ranges } = await sleepThrough("goes away");
  expect(report.attempts).toMatchObject([{ name: "source", outcome: "delivered" }]);
  expect(ranges).toEqual([false, true]);
});

test.skipIf(!WHOLE)("a source that says nothing more after the sleep is left for the next", async () => {
  const { report } = await sleepThrough("says nothing more");
  expect(report.attempts).toMatchObject([
    { name: "source", code: "STALLED" },
    { name: "good", outcome: "delivered" },
  ]);
});
