import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { SILENT } from "../../../src/config/log.ts";
import { openFetcher } from "../../../src/http/openFetcher.ts";
import { ContentMirror } from "../../../src/server/mirror/contentMirror.ts";
import { mirrorOnce } from "../../../src/server/mirror/mirrorPass.ts";
import { parseServerConfig } from "../../../src/server/serverConfig.ts";
import { addComponent, newDraft, newSigner, newSigners, writeDraft } from "../../support/otherPublisher.ts";
import { bundle } from "../../support/program.ts";
import { contentPublications, newHome } from "../../support/repositories.ts";
import { makeServer, type ServerWorld } from "../../support/serverWorld.ts";
import { type SourceOptions, startSource, type TestSource } from "../../support/source.ts";

/** A server that mirrors a vendor whose web root, and honesty, can be changed. */
interface Mirroring {
  world: ServerWorld;
  vendor: TestSource;
  lie: { answer: NonNullable<SourceOptions["answer"]> | undefined };
  /** Has the vendor publish another state. */
  publish(state: string): Promise<void>;
  refresh(): Promise<void>;
}

async function startMirroring(state: string, mirror: object = {}): Promise<Mirroring> {
  const { root, states } = await contentPublications();
  const lie: Mirroring["lie"] = { answer: undefined };
  const vendor = await startSource(states.get(state) ?? "", {
    etags: true,
    answer: (request, response) => lie.answer?.(request, response) ?? false,
  });
  const settings = { activeUpdate: vendor.url, roots: { content: root }, mirror: { minFree: 0, ...mirror } };
  const world = await makeServer(undefined, settings);
  onTestFinished(async () => {
    await world.close();
    await vendor.close();
  });
  const publish = async (next: string) => {
    vendor.root = states.get(next) ?? "";
  };
  return { world, vendor, lie, publish, refresh: () => world.context.mirror.refresh() };
}

/** Every file of the published content, by its place, with its hash. */
async function filesOf({ context }: ServerWorld): Promise<Record<string, string>> {
  const home = path.join(context.trees.www, "content");
  const entries = await fs.readdir(home, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const pairs = files
    .toSorted()
    .map(async (file) => [path.relative(home, file), hashOf(await fs.readFile(file))]);
  return Object.fromEntries(await Promise.all(pairs));
}

const hashOf = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

/** What a client that trusts nothing but the shipped root finds in a server's published tree. */
async function verifiedVersion(www: string): Promise<number | undefined> {
  const { root } = await contentPublications();
  const source = await startSource(www);
  const home = await newHome("client");
  const { http, dns } = parseServerConfig("{}", "server.json");
  const fetcher = await openFetcher({ file: "", http, dns, listen: { port: null } });
  try {
    const { version } = await mirrorOnce(
      { url: source.url, root, home: path.join(home, "data") },
      {
        www: path.join(home, "www"),
        components: undefined,
        minFree: 0,
        now: Date.now,
        etag: undefined,
        fetcher,
        signal: new AbortController().signal,
        onNeeded: () => {},
        onReceived: () => {},
      },
    );
    return version;
  } finally {
    fetcher.close();
    await source.close();
  }
}

test("what the vendor publishes is published here, file by file the same, and verifies for any client", async () => {
  const { world, vendor, refresh } = await startMirroring("v2-programs");
  await refresh();
  expect(world.context.mirror.state()).toMatchObject({ error: null, isRunning: false, absent: 0 });
  const files = await filesOf(world);
  for (const [place, hash] of Object.entries(files)) {
    expect([place, hash]).toEqual([
      place,
      hashOf(await fs.readFile(path.join(vendor.root, "content", place))),
    ]);
  }
  expect(Object.keys(files).filter((place) => place.startsWith("objects/")).length).toBeGreaterThan(2);
  expect(Object.keys(files)).toContain("metadata/timestamp.json");
  const { version } = world.context.mirror.state();
  expect(await verifiedVersion(world.context.trees.www)).toBe(version);
  expect(world.context.trees.versions().content).toBe(version);
});

test("nothing is fetched again while nothing is new, and only what is new afterwards", async () => {
  const { world, vendor, publish, refresh } = await startMirroring("v1");
  await refresh();
  const before = world.context.mirror.state();
  expect(before).toMatchObject({
    looked: { at: world.clock.now, outcome: "newer", received: before.received },
  });
  vendor.requests.length = 0;
  world.clock.now += 60_000;
  await refresh();
  expect(vendor.objects()).toEqual([]);
  expect(vendor.requests.map(({ path: place, status }) => [path.basename(place), status])).toEqual([
    ["2.root.json", 404],
    ["timestamp.json", 304],
  ]);
  expect(world.context.mirror.state()).toMatchObject({
    version: before.version,
    age: 0,
    looked: { at: world.clock.now, outcome: "nothing newer", received: 0 },
  });
  const woken = Promise.withResolvers<unknown>();
  world.context.trees.watch(() =>
    woken.resolve(world.context.trees.newerThan({ content: before.version ?? 0 })),
  );
  await publish("v2");
  await refresh();
  expect(await woken.promise).toMatchObject({
    content: { signed: { version: world.context.mirror.state().version } },
  });
  expect(vendor.objects().filter(({ status }) => status === 200)).toHaveLength(vendor.objects().length);
  const { received, objects } = world.context.mirror.state();
  expect(received).toBeGreaterThan(before.received);
  expect(objects).toBeGreaterThan(before.objects);
});

test("what is named no longer is there for a quarter of an hour, and then gone; roots stay", async () => {
  const { world, publish, refresh } = await startMirroring("v2");
  await refresh();
  const before = await filesOf(world);
  await publish("empty");
  await refresh();
  expect(Object.keys(await filesOf(world))).toEqual(expect.arrayContaining(Object.keys(before)));
  world.clock.now += 899_000;
  await refresh();
  expect(Object.keys(await filesOf(world))).toEqual(expect.arrayContaining(Object.keys(before)));
  world.clock.now += 1_000;
  await refresh();
  const after = Object.keys(await filesOf(world));
  expect(after.filter((place) => place.startsWith("objects/"))).toEqual([]);
  expect(after).toContain("metadata/1.root.json");
  expect(after.filter((place) => place.endsWith(".snapshot.json"))).toHaveLength(1);
  expect(await verifiedVersion(world.context.trees.www)).toBe(world.context.mirror.state().version);
});

test("of components that are not wanted the metadata are the vendor's, and the objects absent", async () => {
  const { world, vendor, refresh } = await startMirroring("v2-programs", { components: ["virus-pattern"] });
  await refresh();
  const files = await filesOf(world);
  const manifest = Object.keys(files).find((place) => /programs\/[0-9a-f]{64}\.agent\.json$/.test(place));
  const text = await fs.readFile(path.join(vendor.root, "content", manifest ?? ""), "utf8");
  const { sha256 } = JSON.parse(text).releases[0].files[0];
  expect(Object.keys(files).filter((place) => place.startsWith("objects/"))).not.toHaveLength(0);
  expect(Object.keys(files)).not.toContain(`objects/${sha256.slice(0, 2)}/${sha256}`);
  expect(vendor.objects().map((request) => path.basename(request.path))).not.toContain(sha256);
  expect(world.context.mirror.state()).toMatchObject({ error: null, components: ["virus-pattern"] });
});

describe("a vendor changes nothing here", () => {
  const altered: NonNullable<SourceOptions["answer"]> = (request, response) => {
    if (!request.url?.startsWith("/content/objects/")) return false;
    response.writeHead(200).end("something else");
    return true;
  };
  const without = (pattern: RegExp): NonNullable<SourceOptions["answer"]> => {
    return (request, response) => {
      if (!pattern.test(request.url ?? "")) return false;
      response.writeHead(404).end();
      return true;
    };
  };
  const cases: [string, (mirroring: Mirroring) => Promise<void>][] = [
    ["that is dead", async ({ vendor }) => vendor.close()],
    ["whose keys are another publisher's", ({ publish }) => publish("foreign")],
    ["that goes back to an older publication", ({ publish }) => publish("v1")],
    ["whose timestamp has expired", ({ publish }) => publish("expired")],
    [
      "that sends other bytes than those that were signed",
      async ({ lie, publish }) => {
        lie.answer = altered;
        await publish("v2-programs");
      },
    ],
    [
      "that announces what it has not, of objects",
      async ({ lie, publish }) => {
        lie.answer = without(/^\/content\/objects\//);
        await publish("v2-programs");
      },
    ],
    [
      "that announces what it has not, of manifests",
      async ({ lie, publish }) => {
        lie.answer = without(/^\/content\/targets\/programs\//);
        await publish("v2-programs");
      },
    ],
    [
      "that announces what it has not, of metadata",
      async ({ lie, publish }) => {
        lie.answer = without(/snapshot\.json$/);
        await publish("v2-programs");
      },
    ],
  ];

  test.for(cases)("%s; the reason is said, and the next honest answer is taken", async ([, lieBy]) => {
    const mirroring = await startMirroring("v2");
    const { world, vendor, lie, publish, refresh } = mirroring;
    await refresh();
    const before = await filesOf(world);
    const { version } = world.context.mirror.state();
    await lieBy(mirroring);
    await refresh();
    const state = world.context.mirror.state();
    expect(state.error).toMatchObject({ code: expect.stringMatching(/^[A-Z_]+$/), at: world.clock.now });
    expect(state.version).toBe(version);
    expect(await filesOf(world)).toEqual(before);
    if (vendor.requests.length === 0) return;
    lie.answer = undefined;
    await publish("v2-programs");
    await refresh();
    if (state.error?.code === "CONNECTION_REFUSED") return;
    expect(world.context.mirror.state().error).toBeNull();
    expect(await verifiedVersion(world.context.trees.www)).toBeGreaterThan(version ?? 0);
  });
});

test("says when it looks next, and has those told who show it: when a look begins, and when it ends", async () => {
  const { world } = await startMirroring("v1");
  const { config, trees, now } = world.context;
  const heard: unknown[] = [];
  const noteChanged = () => heard.push([mirror.state().isRunning, mirror.state().nextAt !== null]);
  const mirror: ContentMirror = new ContentMirror({ config, trees, log: SILENT, now, noteChanged });
  onTestFinished(() => mirror.close());
  mirror.start();
  await mirror.refresh();
  expect(heard[0]).toEqual([true, false]);
  expect(heard.at(-1)).toEqual([false, true]);
  expect(mirror.state()).toMatchObject({ nextAt: now() + (config.mirror.every ?? 0), looked: { at: now() } });
});

test("an object of an older release that the vendor lost holds nothing up, and is said to be absent", async () => {
  const { world, vendor, lie, refresh } = await startMirroring("v2");
  const folder = path.join(vendor.root, "content", "targets", "components");
  const [name = ""] = await fs.readdir(folder).then((names) => names.toSorted());
  const { releases } = JSON.parse(await fs.readFile(path.join(folder, name), "utf8"));
  const { sha256 } = releases.at(-1).files[0];
  lie.answer = (request, response) => {
    if (!request.url?.endsWith(sha256)) return false;
    response.writeHead(404).end();
    return true;
  };
  await refresh();
  expect(world.context.mirror.state()).toMatchObject({ error: null });
  expect(world.context.mirror.state().absent).toBeGreaterThan(0);
});

test("what finds no space is said before the first byte, and what was published is served", async () => {
  const { world, vendor, publish, refresh } = await startMirroring("v1");
  await refresh();
  const before = await filesOf(world);
  world.context.config.mirror.minFree = Number.MAX_SAFE_INTEGER;
  await publish("v2");
  vendor.requests.length = 0;
  await refresh();
  expect(world.context.mirror.state()).toMatchObject({
    error: { code: "DISK_FULL" },
    looked: { outcome: "failed", received: 0 },
  });
  expect(vendor.objects()).toEqual([]);
  expect(await filesOf(world)).toEqual(before);
});

test("another publisher's repository in the same place is not published over", async () => {
  const { world, refresh } = await startMirroring("v2");
  const { states } = await contentPublications();
  const place = path.join(world.context.trees.www, "content");
  await fs.cp(path.join(states.get("foreign") ?? "", "content"), place, { recursive: true });
  const before = await filesOf(world);
  await refresh();
  expect(world.context.mirror.state().error?.code).toBe("REPOSITORY_EXISTS");
  expect(await filesOf(world)).toEqual(before);
});

describe("a notification", () => {
  const timestampOf = async (state: string) => {
    const { states } = await contentPublications();
    const file = path.join(states.get(state) ?? "", "content", "metadata", "timestamp.json");
    return JSON.parse(await fs.readFile(file, "utf8"));
  };

  test("that is signed and newer has the mirror look; one that is forged or older does not", async () => {
    const { world, vendor, publish, refresh } = await startMirroring("v1");
    await refresh();
    const { mirror } = world.context;
    await publish("v2");
    vendor.requests.length = 0;
    const [older, newer] = [await timestampOf("v1"), await timestampOf("v2")];
    expect(await mirror.receive(JSON.stringify({ content: older }))).toBe("older");
    const forged = { ...newer, signed: { ...newer.signed, version: 99 } };
    expect(await mirror.receive(JSON.stringify({ content: forged }))).toBe("refused");
    expect(await mirror.receive("{")).toBe("refused");
    expect(vendor.requests).toEqual([]);
    expect(await mirror.receive(JSON.stringify({ content: newer }))).toBe("new");
    await refresh();
    expect(mirror.state().version).toBe(newer.signed.version);
  });

  test("is heard and not followed while the mirror is paused", async () => {
    const { world, vendor, refresh } = await startMirroring("v2", { every: null });
    world.context.mirror.start();
    expect(await world.context.mirror.receive(JSON.stringify({ content: await timestampOf("v2") }))).toBe(
      "new",
    );
    expect(world.context.mirror.state()).toMatchObject({
      isRunning: false,
      every: null,
      version: null,
      looked: null,
      nextAt: null,
    });
    expect(vendor.requests).toEqual([]);
    // A person may look all the same.
    await refresh();
    expect(world.context.mirror.state().version).not.toBeNull();
  });
});

test("a mirror that is killed anywhere leaves the old publication or the new, whole; the next goes on", {
  timeout: 900_000,
}, async () => {
  const child = await bundle(path.join(import.meta.dirname, "mirrorChild.ts"));
  const { world, publish, refresh } = await startMirroring("v1");
  await refresh();
  await publish("v2-programs");
  const { www } = world.context.trees;
  const old = await verifiedVersion(www);
  const copy = async () => {
    const dir = path.join(await newHome("killed"), "server");
    await fs.cp(world.dir, dir, { recursive: true });
    return dir;
  };
  const run = async (dir: string, killAt: number) => {
    const running = execFile(process.execPath, [child, dir, String(killAt)]);
    let said = "";
    running.stdout?.on("data", (piece) => {
      said += piece;
    });
    const [, signal] = await once(running, "close");
    return { said, signal };
  };
  const whole = await copy();
  const { said } = await run(whole, 0);
  expect(said).toMatch(/^\d+ fine\n$/);
  const fresh = await verifiedVersion(path.join(whole, "www"));
  expect(fresh).toBeGreaterThan(old ?? 0);
  const calls = Number.parseInt(said, 10);
  const step = process.env.TESTS === "all" ? 1 : Math.ceil(calls / 12);
  const seen = new Set<number | undefined>();
  for (let killAt = 1; killAt <= calls; killAt += step) {
    const dir = await copy();
    expect((await run(dir, killAt)).signal).toBe("SIGKILL");
    const version = await verifiedVersion(path.join(dir, "www"));
    seen.add(version);
    expect([old, fresh]).toContain(version);
    expect((await run(dir, 0)).said).toMatch(/ fine\n$/);
    expect(await verifiedVersion(path.join(dir, "www"))).toBe(fresh);
  }
  expect(seen).toContain(old);
});

test("another publisher's habits are mirrored, and no name that it signs leads out of the tree", async () => {
  const www = await newHome("other");
  const signers = newSigners();
  const draft = newDraft(signers);
  addComponent(draft, "engine", { release: 1, version: "1", files: { "e.dat": Buffer.from("an engine") } });
  const target = draft.roles.components?.targets["components/engine.json"];
  target.hashes.more = "../../../../escaped";
  // A role of the publisher's own.
  signers["more-engines"] = [newSigner()];
  const [own] = signers["more-engines"];
  const { delegations } = draft.roles.targets ?? {};
  delegations.keys[own?.id ?? ""] = own?.key;
  const role = { keyids: [own?.id], threshold: 1, terminating: false, paths: ["components/*"] };
  delegations.roles.push({ name: "more-engines", ...role });
  draft.roles["more-engines"] = { ...draft.roles.programs, targets: {} };
  addComponent(
    draft,
    "other",
    { release: 1, version: "1", files: { "o.dat": Buffer.from("another engine") } },
    "more-engines",
  );
  await writeDraft(www, draft, signers);
  const vendor = await startSource(www);
  const root = path.join(www, "content", "metadata", "1.root.json");
  const settings = { activeUpdate: vendor.url, roots: { content: root }, mirror: { minFree: 0 } };
  const world = await makeServer(undefined, settings);
  onTestFinished(async () => {
    await world.close();
    await vendor.close();
  });
  await world.context.mirror.refresh();
  expect(world.context.mirror.state()).toMatchObject({ error: null, objects: 2 });
  const files = Object.keys(await filesOf(world));
  expect(files.filter((place) => !/^(?:metadata|targets|objects)\//.test(place))).toEqual([]);
  const all = await fs.readdir(path.dirname(world.dir), { recursive: true });
  expect(all.filter((place) => place.includes("escaped"))).toEqual([]);
  expect(files).toContain("metadata/1.more-engines.json");
});

test("a mirrored file that was altered on the disk, with its length as it was, is found and mended on demand", async () => {
  const { world, refresh } = await startMirroring("v1");
  await refresh();
  const before = await filesOf(world);
  const altered = Object.keys(before).find((file) => file.startsWith("objects")) ?? "";
  const file = path.join(world.context.trees.www, "content", altered);
  const { length } = await fs.readFile(file);
  await fs.chmod(file, 0o644);
  await fs.writeFile(file, Buffer.alloc(length, 7));
  await refresh();
  expect((await filesOf(world))[altered]).not.toBe(before[altered]);
  await world.context.mirror.verify();
  expect(await filesOf(world)).toEqual(before);
});
