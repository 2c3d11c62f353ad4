import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { createResolver, toLookup } from "../../src/dns/resolver.ts";
import { createFetcher } from "../../src/http/client.ts";
import { measured } from "../../src/source/measured.ts";
import { startTestRelay } from "../support/relay.ts";
import { startSource, type TestSource } from "../support/source.ts";
import { closeAll, makeAgent, newFolder, runUpdate, sharedWorld } from "../support/world.ts";

const stage = sharedWorld();
const open: Pick<TestSource, "close">[] = [];
afterEach(() => closeAll(open));

const HOUR = 3_600_000;

function openFetcher(proxy?: string) {
  const patient = { connectTimeout: HOUR, responseTimeout: HOUR, stallTimeout: HOUR, minRate: 1 };
  const proxies = proxy === undefined ? undefined : { http_proxy: proxy };
  const lookup = toLookup(createResolver({ servers: [], hostsFile: "/nowhere" }));
  const fetcher = createFetcher({ ...patient, proxies }, lookup);
  onTestFinished(() => fetcher.close());
  return fetcher;
}

describe("the way to a source is measured", () => {
  test("by the connection that was made to it, also where another attempt had made it", async () => {
    const source = await startSource(await newFolder());
    open.push(source);
    const fetcher = openFetcher();
    const [first, second] = [measured(fetcher, source.url), measured(fetcher, source.url)];
    for (const each of [first, second]) {
      const response = await each.fetcher.get(`${source.url}/none`, { accept: [404] });
      await response.discard();
    }
    const { connectMs, dnsMs, firstByteMs } = first.times();
    expect(first.times()).toEqual({ connectMs, dnsMs, firstByteMs });
    for (const time of [connectMs, dnsMs, firstByteMs]) expect(time).toBeGreaterThanOrEqual(0);
    expect(second.times()).toMatchObject({ connectMs, dnsMs });
    // Nothing was said of a source that was not asked.
    expect(measured(fetcher, source.url).times()).toEqual({});
  });

  test("not by what another host answers, nor through a proxy", async () => {
    const source = await startSource(await newFolder());
    open.push(source);
    const elsewhere = measured(openFetcher(), "http://127.0.0.9:1");
    await (await elsewhere.fetcher.get(`${source.url}/none`, { accept: [404] })).discard();
    expect(elsewhere.times()).toEqual({});
    const proxied = measured(openFetcher(source.url), "http://vendor.example");
    const options = { accept: [404], viaProxy: true };
    await (await proxied.fetcher.get("http://vendor.example/none", options)).discard();
    expect(source.requests.length).toBe(2);
    expect(proxied.times()).toEqual({});
  });

  test("with the time in which bodies came, several at once counted once", async () => {
    const held: http.ServerResponse[] = [];
    const server = http.createServer((_, response) => {
      response.write("some");
      held.push(response);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { fetcher, times } = measured(openFetcher(), url);
    const began = performance.now();
    const bodies = [1, 2, 3, 4].map(async () => {
      for await (const _ of (await fetcher.get(url)).read());
    });
    await expect.poll(() => held.length).toBe(4);
    for (const response of held) response.end();
    await Promise.all(bodies);
    const whole = performance.now() - began;
    expect(times().transferMs).toBeLessThanOrEqual(Math.ceil(whole));
    expect(times().transferMs).toBeGreaterThanOrEqual(0);
  });
});

test("an update reports the way to each source, and which Update Agent it says it is", async () => {
  const [dead, source] = [await startSource(stage.world.www(2)), await startSource(stage.world.www(2))];
  await dead.close();
  open.push(source);
  const relay = await startTestRelay(stage.world, { upstream: source.url });
  open.push(relay);
  await relay.relay.refresh();
  const agent = await makeAgent(stage.world, { sources: { dead: dead.url, relay: relay.url } });
  const { report } = await runUpdate(agent);
  const [none, near] = report.attempts;
  expect(none?.code).toBe("CONNECTION_REFUSED");
  for (const field of ["connectMs", "transferMs", "servedBy"]) expect(none).not.toHaveProperty(field);
  for (const field of ["dnsMs", "connectMs", "firstByteMs", "transferMs"]) {
    expect(near).toHaveProperty(field, expect.any(Number));
  }
  expect(near?.servedBy).toMatch(/^nearsource-[0-9a-f]{16}$/);
  const plain = await makeAgent(stage.world, { sources: { plain: source.url } });
  expect((await runUpdate(plain)).report.attempts[0]).not.toHaveProperty("servedBy");
});
