import { describe, expect, onTestFinished, test } from "vitest";
import { SILENT } from "../../../src/config/log.ts";
import { BrokerNews } from "../../../src/server/notify/brokerNews.ts";
import { Notifier } from "../../../src/server/notify/notifier.ts";
import { healthOf } from "../../../src/server/serverHealth.ts";
import { type Broker, hasMosquitto, makeBroker } from "../../support/broker.ts";
import {
  asBrowser,
  asScript,
  callApi,
  enrolMachine,
  makeServer,
  tokenOf,
} from "../../support/serverWorld.ts";
import { newFolder } from "../../support/world.ts";

const TOPIC = "nearsource/news";
const until = <Value>(look: () => Value) => expect.poll(look, { timeout: 50_000, interval: 50 });

/** The retained message of the topic, as an agent gets it that connects now. */
async function retainedAt({ url }: Broker): Promise<string> {
  const { connectAsync } = await import("mqtt");
  const client = await connectAsync(url);
  try {
    const message = new Promise<string>((got) =>
      client.once("message", (_, payload) => got(payload.toString())),
    );
    await client.subscribeAsync(TOPIC, { qos: 1 });
    return await message;
  } finally {
    await client.endAsync(true);
  }
}

async function worldWithBroker() {
  const broker = await makeBroker(await newFolder());
  onTestFinished(() => broker.kill());
  const world = await makeServer(undefined, { mqtt: { url: broker.url, topic: TOPIC } });
  onTestFinished(() => world.close());
  const payload = { token: world.token, user: "ada", password: "correct horse battery" };
  await world.people.inject(asBrowser({ method: "POST", url: "/api/v1/setup", payload }));
  const token = await tokenOf(world, "administrator");
  const mqtt = { url: broker.url, topic: TOPIC };
  const random = () => 0;
  const options = { mqtt, clientId: "a-server", trees: world.context.trees, log: SILENT, random };
  const news = new BrokerNews(options);
  onTestFinished(() => news.close());
  world.context.broker = news;
  return { broker, world, token, news };
}

/** Reports runs of agents by their names, which are enrolled with the first. */
function reporterOf({ world, token }: Pick<Awaited<ReturnType<typeof worldWithBroker>>, "world" | "token">) {
  const agents = new Map<string, { id: string; secret: string }>();
  return async (name: string, topic: string | null, started: number) => {
    const agent = agents.get(name) ?? (await enrolMachine(world, token, { name }));
    agents.set(name, agent);
    const at = new Date(started).toISOString();
    const payload = {
      ...{ started: at, ended: at, trigger: "notify", program: "0.1.0", port: null, topic },
      report: { outcome: "updated" },
    };
    const request = { method: "PUT", url: `/v1/agents/${agent.id}/report`, payload } as const;
    expect((await world.agents.inject(asScript(request, agent.secret))).statusCode).toBe(204);
  };
}

describe.skipIf(!hasMosquitto)("a fleet on a broker", () => {
  test("finds the newest timestamps there, each publication anew, also after the broker was killed and has forgotten", async () => {
    const { broker, world, token, news } = await worldWithBroker();
    news.start();
    expect(await healthOf(world.context)).toMatchObject({ ok: true, ailing: ["broker"] });
    await broker.start();
    await until(() => news.isTold).toBe(true);
    const first = JSON.parse(await retainedAt(broker));
    expect(first).toEqual(JSON.parse(JSON.stringify(world.context.trees.newest())));
    await callApi(world, token, "PUT /source-list", { mode: "customized", entries: [] }, 0);
    await until(() => news.isTold).toBe(true);
    const second = JSON.parse(await retainedAt(broker));
    expect(second.settings.signed.version).toBe(first.settings.signed.version + 1);
    expect(await healthOf(world.context)).toMatchObject({ ok: true, ailing: [] });
    await broker.kill();
    await until(() => news.isTold).toBe(false);
    expect(await healthOf(world.context)).toMatchObject({ ok: true, ailing: ["broker"] });
    await broker.start();
    await until(() => news.isTold).toBe(true);
    expect(JSON.parse(await retainedAt(broker))).toEqual(second);
  });

  test("has them back by Notify, where somebody wrote over them or took them away", async () => {
    const { broker, world, token, news } = await worldWithBroker();
    await broker.start();
    news.start();
    await until(() => news.isTold).toBe(true);
    await reporterOf({ world, token })("on it", TOPIC, world.clock.now);
    const genuine = JSON.parse(await retainedAt(broker));
    const { connectAsync } = await import("mqtt");
    const stranger = await connectAsync(broker.url);
    onTestFinished(() => stranger.endAsync(true));
    const notifier = new Notifier(world.context);
    onTestFinished(() => notifier.close());
    for (const written of ["nothing of ours", ""]) {
      await stranger.publishAsync(TOPIC, written, { qos: 1, retain: true });
      const made = await callApi(world, token, "POST /notifications", { target: { all: true } });
      expect(made.body.id, JSON.stringify(made.body)).toBeTypeOf("string");
      for (let step = 0; step < 4; step++) {
        await notifier.step();
        await notifier.settled();
      }
      expect(JSON.parse(await retainedAt(broker))).toEqual(genuine);
    }
  });

  test("counts as told without being reached one by one; those of another topic, or while the broker is lost, are reached", async () => {
    const { broker, world, token, news } = await worldWithBroker();
    const { clock } = world;
    const report = reporterOf({ world, token });
    clock.now = world.context.trees.publishedAt() - 1_000;
    await report("on it", TOPIC, clock.now);
    await report("elsewhere", "another/topic", clock.now);
    await report("nowhere", null, clock.now);
    clock.now = Date.now();
    await report("has it", TOPIC, clock.now);
    await broker.start();
    news.start();
    await until(() => news.isTold).toBe(true);
    const notifier = new Notifier(world.context);
    onTestFinished(() => notifier.close());
    const notify = async () => {
      const { body } = await callApi(world, token, "POST /notifications", { target: { all: true } });
      for (const later of [0, 60_000]) {
        clock.now += later;
        for (let step = 0; step < 4; step++) {
          await notifier.step();
          await notifier.settled();
        }
      }
      return body.id as string;
    };
    const counts = async (id: string) =>
      (await callApi(world, token, `GET /notifications/${id}`)).body.counts;
    const id = await notify();
    // Whoever listens nowhere could only be told by the broker.
    expect(await counts(id)).toMatchObject({ notified: 1, done: 1, unreachable: 2, waiting: 0 });
    await report("on it", TOPIC, clock.now);
    expect(await counts(id)).toMatchObject({ notified: 0, done: 2, unreachable: 2 });
    await broker.kill();
    await until(() => news.isTold).toBe(false);
    expect(await counts(await notify())).toMatchObject({ unreachable: 4 });
  });
});
