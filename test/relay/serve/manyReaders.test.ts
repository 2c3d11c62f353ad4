import { createHash } from "node:crypto";
import { once } from "node:events";
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeAuthority, writeCertificate } from "../../real/certificates.ts";
import { WHOLE } from "../../support/extent.ts";
import { objectUrl, startTestRelay, type TestRelay } from "../../support/relay.ts";
import { startSource, type TestSource } from "../../support/source.ts";
import { LARGE, makeWorld, objectOf, readTree, type World } from "../../support/world.ts";

let world: World;
let origin: TestSource;
let relays: Record<"http" | "https", TestRelay>;
/** The certificate of the authority that the one with TLS has its own from. */
let ca: string;
/** The content of the two large objects, by path. */
let contents: Map<string, Buffer>;

beforeAll(async () => {
  world = await makeWorld({ large: true });
  origin = await startSource(world.www(2), { etags: true });
  const options = { upstream: origin.url, relay: { maxTransfers: 1_000, maxPerClient: 1_000 } };
  const authority = await makeAuthority(world.folder, "Of this site");
  ca = authority.cert;
  const tls = await writeCertificate(world.folder, await authority.issue());
  relays = {
    http: await startTestRelay(world, options),
    https: await startTestRelay(world, { ...options, tls }),
  };
  for (const { relay } of Object.values(relays)) await relay.refresh();
  const tree = await readTree(world.www(2));
  const urls = ([1, 2] as const).map((release) => objectUrl(objectOf(release, "pattern")));
  contents = new Map(urls.map((url) => [url, tree[url.slice(1)] ?? expect.fail(url)]));
});
afterAll(async () => {
  for (const relay of Object.values(relays)) await relay.close();
  await origin.close();
  await world.remove();
});

/** A reader of a part of an object. */
interface Reader {
  object: number;
  first: number;
  length: number;
  /** It goes before the end. */
  leavesAfter?: number | undefined;
}

/** Most bytes that the kernel takes from a server before the reader has read them. */
const BUFFERS = 3_000_000;

const passing: fc.Arbitrary<Reader> = fc.record({
  object: fc.nat(1),
  first: fc.nat(LARGE - 1),
  length: fc.oneof(fc.integer({ min: 1, max: 300_000 }), fc.constant(LARGE)),
  leavesAfter: fc.option(fc.nat(2_000_000), { nil: undefined, freq: 3 }),
});
/** One that stops in the middle of what is being sent to it. */
const stopping: fc.Arbitrary<Reader> = fc.record({
  object: fc.nat(1),
  first: fc.nat(LARGE - 2 * BUFFERS),
  length: fc.constant(LARGE),
});

/** The hash of what a reader was sent, and of what stands there. After the first piece it waits for `goOn`. */
async function read(
  scheme: "http" | "https",
  { object, first, length, leavesAfter = Infinity }: Reader,
  goOn: Promise<unknown>,
) {
  const [url, content] = [...contents][object] ?? expect.fail("no such object");
  const last = Math.min(first + length, content.length) - 1;
  const options = { agent: false as const, ca, headers: { range: `bytes=${first}-${last}` } };
  const request = { http, https }[scheme].get(`${relays[scheme].url}${url}`, options);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const sent = createHash("sha256");
  let received = 0;
  for await (const piece of response) {
    sent.update(piece);
    received += piece.length;
    if (received > leavesAfter) break;
    await goOn;
  }
  request.destroy();
  const meant = content.subarray(first, first + received);
  if (leavesAfter === Infinity) expect(received).toBe(last - first + 1);
  return [sent.digest("hex"), createHash("sha256").update(meant).digest("hex")];
}

test.for(["http", "https"] as const)(
  "whoever reads what over %s, comes, stops and goes, each is sent the bytes that stand there",
  { timeout: 180_000 },
  async (scheme) => {
    const some = (one: fc.Arbitrary<Reader>) => fc.array(one, { minLength: 20, maxLength: 30, size: "max" });
    await fc.assert(
      fc.asyncProperty(some(stopping), some(passing), async (slow, fast) => {
        const through = Promise.all(fast.map((each) => read(scheme, each, Promise.resolve())));
        const late = await Promise.all(slow.map((each) => read(scheme, each, through)));
        for (const [sent, meant] of [...late, ...(await through)]) expect(sent).toBe(meant);
      }),
      { numRuns: WHOLE ? 2 : 1, endOnFailure: true },
    );
  },
);
