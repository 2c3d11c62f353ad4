import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, objectUrl, startTestRelay, type TestRelay } from "../support/relay.ts";
import { startSource, type TestSource } from "../support/source.ts";
import {
  expectInstalled,
  expectTidy,
  makeAgent,
  makeWorld,
  objectOf,
  readTree,
  runUpdate,
  type World,
} from "../support/world.ts";

let world: World;
let origin: TestSource;
let relay: TestRelay;

beforeAll(async () => {
  world = await makeWorld({ large: true });
  origin = await startSource(world.www(2), { etags: true });
  relay = await startTestRelay(world, { upstream: origin.url });
  await relay.relay.refresh();
});
afterAll(async () => {
  await relay.close();
  await origin.close();
  await world.remove();
});

describe("an Update Agent", () => {
  test("updates an endpoint, and the source above it is not asked for objects again", async () => {
    const before = origin.objects().length;
    const agent = await makeAgent(world, { sources: { near: relay.url }, components: ["rules", "pattern"] });
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ outcome: "updated", attempts: [{ outcome: "delivered" }] });
    await expectInstalled(agent, 2, ["rules", "pattern"]);
    await expectTidy(agent);
    expect(origin.objects().length).toBe(before);
  });

  test("serves every file of the tree that it was granted, to the byte, and of the older releases too", async () => {
    const tree = await readTree(world.www(2));
    const served: string[] = [];
    for (const [path, bytes] of Object.entries(tree)) {
      const answer = await ask(relay.url, `/${path}`);
      if (answer.status === 404) continue;
      expect([path, answer.status, answer.body.equals(bytes)]).toEqual([path, 200, true]);
      served.push(path);
    }
    const left = Object.keys(tree).filter((path) => !served.includes(path));
    expect(left.filter((path) => !isUnnamed(path))).toEqual([]);
    expect(served).toContain("content/metadata/timestamp.json");
    expect(served).toContain(objectUrl(objectOf(1, "pattern")).slice(1));
  });
});

/** What the tree has beside what the newest timestamp leads to for `components`. */
function isUnnamed(path: string): boolean {
  return !path.startsWith("content/objects/") && !path.endsWith("timestamp.json");
}
