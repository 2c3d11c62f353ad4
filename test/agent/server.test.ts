import { promises as fs } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { startLongPoll } from "../../src/agent/channels/longPoll.ts";
import type { Verdict, Versions } from "../../src/agent/channels/notifications.ts";
import { describeRun, queueReport, startReportSender } from "../../src/agent/runReports.ts";
import { SILENT } from "../../src/config/log.ts";
import { createResolver, toLookup } from "../../src/dns/resolver.ts";
import { createExchange } from "../../src/http/smallClient.ts";
import { type TestClock, testClock } from "../support/clock.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { newFolder } from "../support/world.ts";

const NOON = Date.parse("2026-01-01T12:00:00Z");
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

/** The means to talk to the server, with a clock that stands still. */
function means(clock: TestClock) {
  const exchange = createExchange(toLookup(createResolver({})));
  open.push({ close: async () => exchange.close() });
  return { exchange, clock, random: () => 0, log: SILENT };
}

async function serverThat(...[answer]: Parameters<typeof startServer>): Promise<TestServer> {
  const server = await startServer(answer);
  open.push(server);
  return server;
}

const until = <Value>(look: () => Value) => expect.poll(look, { timeout: 50_000, interval: 10 });
const failed = (message: string) => ({ failure: { code: "DISK_FULL" as const, message } });
const reportOf = (minute: number) =>
  describeRun("schedule", NOON, NOON + minute * 60_000, failed(`run ${minute}`));

describe("reports of runs", () => {
  const startSender = (folder: string, url: string, clock: TestClock) => {
    const sender = startReportSender({ folder, url: `${url}/v1/agents/an-id/report`, ...means(clock) });
    open.push({ close: () => sender.stop() });
    return sender;
  };

  test("are sent in their order, each once, and wait no longer then", async () => {
    const server = await serverThat((_, response) => response.writeHead(204).end());
    const folder = path.join(await newFolder(), "reports");
    for (const minute of [1, 2, 3]) await queueReport(folder, reportOf(minute));
    startSender(folder, server.url, testClock(NOON));
    await until(() => fs.readdir(folder)).toEqual([]);
    expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(
      Array(3).fill("PUT /v1/agents/an-id/report"),
    );
    expect(server.requests.map(({ body }) => JSON.parse(body))).toEqual([1, 2, 3].map(reportOf));
  });

  test("wait for as long as a server asks that has too many, and are all sent then", async () => {
    let isBusy = true;
    const server = await serverThat((_, response) =>
      isBusy ? response.writeHead(429, { "retry-after": "7" }).end() : response.writeHead(204).end(),
    );
    const folder = path.join(await newFolder(), "reports");
    for (const minute of [1, 2]) await queueReport(folder, reportOf(minute));
    const clock = testClock(NOON);
    startSender(folder, server.url, clock);
    for (let refused = 1; refused <= 3; refused++) {
      await until(() => clock.timers()).toEqual([7_000]);
      expect(server.requests).toHaveLength(refused);
      if (refused === 3) isBusy = false;
      await clock.pass(7_000);
    }
    await until(() => fs.readdir(folder)).toEqual([]);
    expect(server.requests.slice(-2).map(({ body }) => JSON.parse(body))).toEqual([1, 2].map(reportOf));
  });

  test("wait while the server cannot take them, longer each time, and are sent when it can", async () => {
    let status = 503;
    const server = await serverThat((_, response) => response.writeHead(status).end());
    const folder = path.join(await newFolder(), "reports");
    await queueReport(folder, reportOf(1));
    const clock = testClock(NOON);
    const sender = startSender(folder, server.url, clock);
    for (const delay of [15_000, 30_000, 60_000]) {
      await until(() => clock.timers()).toEqual([delay]);
      // Reports that come meanwhile do not hurry it.
      sender.look();
      await clock.pass(delay);
    }
    await until(() => clock.timers()).toEqual([120_000]);
    status = 200;
    await clock.pass(120_000);
    await until(() => fs.readdir(folder)).toEqual([]);
    expect(server.requests).toHaveLength(5);
  });

  test("are the last fifty, however long nobody takes them", async () => {
    const folder = path.join(await newFolder(), "reports");
    for (let minute = 1; minute <= 60; minute++) await queueReport(folder, reportOf(minute));
    const names = (await fs.readdir(folder)).sort();
    expect(names).toHaveLength(50);
    const oldest = JSON.parse(await fs.readFile(path.join(folder, names[0] ?? ""), "utf8"));
    expect(oldest).toEqual(reportOf(11));
  });

  test("that the server will never take do not keep the others waiting", async () => {
    const server = await serverThat((_, response, body) =>
      response.writeHead(body.includes("run 1") ? 422 : 204).end(),
    );
    const folder = path.join(await newFolder(), "reports");
    for (const minute of [1, 2]) await queueReport(folder, reportOf(minute));
    startSender(folder, server.url, testClock(NOON));
    await until(() => fs.readdir(folder)).toEqual([]);
    expect(server.requests).toHaveLength(2);
  });
});

describe("the long-poll", () => {
  const startPoll = (
    url: string,
    clock: TestClock,
    heard: string[],
    verdict: Verdict = "new",
    runNow = () => {},
  ) => {
    const versions: Versions = { content: 3, settings: 7 };
    const poll = startLongPoll({
      url: `${url}/v1/agents/an-id/notifications`,
      receive: async (body) => {
        heard.push(body);
        versions.content = 4;
        return verdict;
      },
      known: async () => versions,
      runNow,
      ...means(clock),
    });
    open.push({ close: () => poll.stop() });
  };

  test("asks with the versions held, hears what the server answers, and asks again", async () => {
    const waiting: (() => void)[] = [];
    const server = await serverThat((_, response) => {
      if (server.requests.length === 1) response.end('{"content":{}}');
      else waiting.push(() => response.writeHead(204).end());
    });
    const heard: string[] = [];
    startPoll(server.url, testClock(NOON), heard);
    await until(() => waiting.length).toBe(1);
    expect(heard).toEqual(['{"content":{}}']);
    expect(server.requests.map(({ url }) => url)).toEqual([
      "/v1/agents/an-id/notifications?content=3&settings=7",
      "/v1/agents/an-id/notifications?content=4&settings=7",
    ]);
  });

  test("hears in an answer without news that it is to run, only where it says so", async () => {
    const server = await serverThat((_, response) => {
      const header = server.requests.length === 2 ? { "nearsource-run": "now" } : {};
      if (server.requests.length < 4) response.writeHead(204, header).end();
    });
    const clock = testClock(NOON);
    let wishes = 0;
    startPoll(server.url, clock, [], "new", () => wishes++);
    await until(() => server.requests.length).toBe(1);
    for (let asked = 2; asked <= 4; asked++) {
      // A server that says so at once is asked again no sooner for it.
      await until(() => clock.timers()).toEqual([10_000]);
      expect(wishes).toBe(asked > 2 ? 1 : 0);
      await clock.pass(10_000);
      await until(() => server.requests.length).toBe(asked);
    }
    expect(wishes).toBe(1);
  });

  test("waits as long as the server offers, and no longer where something on the way does not", async () => {
    const held: (() => void)[] = [];
    const server = await serverThat((_, response) => {
      const count = server.requests.length;
      if (count === 3) return response.writeHead(504).end();
      response.setHeader("nearsource-hold", count === 1 ? "120" : "86400");
      if (count < 3) return response.end("{}");
      held.push(() => response.writeHead(204).end());
    });
    const clock = testClock(NOON);
    startPoll(server.url, clock, []);
    await until(() => clock.timers()).toEqual([1_000]);
    await clock.pass(1_000);
    await until(() => held.length).toBe(1);
    held.pop()?.();
    await until(() => clock.timers()).toEqual([10_000]);
    await clock.pass(10_000);
    await until(() => held.length).toBe(1);
    const asked = server.requests.map(({ url }) => new URL(url, server.url).searchParams.get("hold"));
    expect(asked).toEqual([null, "120", "300", null, "50"]);
    held.pop()?.();
  });

  test.for([
    ["fails", 500, "", "new"],
    ["knows no such thing", 404, "", "new"],
    ["sends what is not new", 200, "{}", "older"],
    ["sends what is not signed", 200, "{}", "refused"],
    ["sends more than a notification may be", 200, " ".repeat(65_537), "new"],
  ] as const)("leaves a server that %s alone for longer and longer", async ([, status, body, verdict]) => {
    const server = await serverThat((_, response) => response.writeHead(status).end(body));
    const clock = testClock(NOON);
    startPoll(server.url, clock, [], verdict);
    for (const delay of [1_000, 2_000, 4_000]) {
      await until(() => clock.timers()).toEqual([delay]);
      await clock.pass(delay);
    }
    await until(() => server.requests.length).toBe(4);
  });

  test("does not ask a server without end that answers at once that there is nothing", async () => {
    const server = await serverThat((_, response) => response.writeHead(204).end());
    const clock = testClock(NOON);
    startPoll(server.url, clock, []);
    await until(() => clock.timers()).toEqual([10_000]);
    expect(server.requests).toHaveLength(1);
  });
});
