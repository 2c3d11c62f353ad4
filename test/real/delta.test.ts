import { execFileSync } from "node:child_process";
import { promises as fs } from "node:fs";
import type { ServerResponse } from "node:http";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { objectPath } from "../../src/core/content/layout.ts";
import { packBsdiff } from "../../src/publisher/repository/alternatives.ts";
import type { Report, UpdateEvent } from "../../src/update/update.ts";
import { type Delta, dczDeltaOf, frame, named, segmentsOf, zstdDelta } from "../support/deltas.ts";
import { type ForgedRelease, upgradeOf } from "../support/deltaWorld.ts";
import { type SourceOptions, startSource, type TestSource } from "../support/source.ts";
import {
  type Agent,
  closeAll,
  expectFiles,
  expectTidy,
  history,
  makeAgent,
  makeWorld,
  noise,
  type Publication,
  readTree,
  runUpdate,
  sha256,
  type World,
} from "../support/world.ts";

/** The publisher's results for `history`: `direct` with deltas from all releases, `chained` from the last. */
let direct: World;
let chained: World;
beforeAll(async () => {
  direct = await makeWorld({ contents: history, deltas: 2 });
  chained = await makeWorld({ contents: history, deltas: 1 });
});
afterAll(() => Promise.all([direct.remove(), chained.remove()]));

const open: TestSource[] = [];
afterEach(() => closeAll(open));

async function serve(root: string, options?: SourceOptions): Promise<TestSource> {
  const source = await startSource(root, options);
  open.push(source);
  return source;
}

/** An agent that has the first publication, and a source of the third. */
async function upgrade(world: World, options?: SourceOptions, installed: Publication = 1) {
  const source = await serve(world.www(3), options);
  return { source, agent: await makeAgent(world, { sources: { only: source.url }, installed }) };
}

const whole = (publication: Publication) =>
  Object.values(history(publication)).reduce((sum, { length }) => sum + length, 0);

async function expectPublication(agent: Agent, publication: Publication): Promise<void> {
  const files = Object.entries(history(publication)).map(([file, bytes]) => [`rules/${file}`, bytes]);
  await expectFiles(agent, Object.fromEntries(files));
  await expectTidy(agent);
}

const bytesOf = ({ installed }: Report) => installed[0]?.bytes ?? 0;
const setbacksOf = ({ attempts }: Report) =>
  attempts.flatMap(({ setbacks = [] }) =>
    setbacks.map(({ path: file, format, code }) => [file, format, code]),
  );

const isWholeOf = (publication: Publication) => {
  const hashes = Object.values(history(publication)).map(sha256);
  return (url: string) => hashes.some((hash) => url.endsWith(hash));
};
const answerDeltas =
  (send: (response: ServerResponse) => void): SourceOptions["answer"] =>
  ({ url = "" }, response) => {
    if (!url.startsWith("/content/objects/") || isWholeOf(3)(url)) return false;
    send(response);
    return true;
  };

describe("an upgrade", () => {
  test("comes as deltas: few bytes, the files exact, the unchanged one not at all", async () => {
    const { source, agent } = await upgrade(direct);
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({
      outcome: "updated",
      installed: [{ via: "delta", fromVersion: "1.0", toVersion: "3.0" }],
    });
    expect(bytesOf(report)).toBeLessThan(whole(3) / 50);
    expect(setbacksOf(report)).toEqual([]);
    expect(source.objects()).toHaveLength(2);
    await expectPublication(agent, 3);
    expect((await runUpdate(agent)).report.outcome).toBe("current");
  });

  test("uses the format that suits the file: dcz for text, bsdiff for programs", async () => {
    const { source, agent } = await upgrade(direct);
    await runUpdate(agent);
    const objects = source.objects().map(({ path: name }) => path.join(direct.www(3), name));
    const starts = await Promise.all(
      objects.map(async (file) => (await fs.readFile(file)).toString("latin1", 0, 8)),
    );
    expect(starts.sort()).toEqual(["NSBSDIF1", "^*M\u0018 \u0000\u0000\u0000"]);
  });

  test("goes over the release in between where only neighbours have deltas, and keeps nothing of it", async () => {
    const { source, agent } = await upgrade(chained);
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ outcome: "updated", installed: [{ via: "delta" }] });
    expect(bytesOf(report)).toBeLessThan(whole(3) / 30);
    expect(source.objects()).toHaveLength(4);
    await expectPublication(agent, 3);
    const stored = new Set(
      Object.keys(await readTree(path.join(agent.dataDir, "store"))).map((file) => path.basename(file)),
    );
    const kept = [1, 3].flatMap((publication) =>
      Object.values(history(publication as Publication)).map(sha256),
    );
    expect(stored).toEqual(new Set(kept));
  });

  test("where nothing is installed comes whole, compressed where that pays", async () => {
    const source = await serve(direct.www(3));
    const agent = await makeAgent(direct, { sources: { only: source.url } });
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ outcome: "updated", installed: [{ via: "full" }] });
    expect(bytesOf(report)).toBeLessThan(whole(3) * 0.9);
    await expectPublication(agent, 3);
  });

  test("with delta.maxBase below the installed files comes whole", async () => {
    const source = await serve(direct.www(3));
    const config = { delta: { maxBase: 1_000 } };
    const agent = await makeAgent(direct, { sources: { only: source.url }, installed: 1, config });
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ outcome: "updated", installed: [{ via: "full" }] });
    expect(setbacksOf(report)).toEqual([]);
    await expectPublication(agent, 3);
  });
});

describe("a delta that cannot be had", () => {
  test.for([
    [404, "HTTP_NOT_FOUND"],
    [403, "HTTP_FORBIDDEN"],
    [451, "HTTP_STATUS"],
  ] as const)(
    "since the source answers %i costs one request: the whole file comes from there",
    async ([status, code]) => {
      const { source, agent } = await upgrade(direct, {
        answer: answerDeltas((response) => response.writeHead(status).end()),
      });
      const { report, lines } = await runUpdate(agent);
      expect(report).toMatchObject({ outcome: "updated", installed: [{ via: "full" }] });
      expect(report.attempts).toHaveLength(1);
      // The text comes compressed from an honest source; here that form is refused as well.
      expect(setbacksOf(report).sort()).toEqual([
        ["engine.bin", "bsdiff", code],
        ["rules.txt", "dcz", code],
        ["rules.txt", "zstd", code],
      ]);
      expect(lines.filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
      expect(source.objects()).toHaveLength(5);
      await expectPublication(agent, 3);
    },
  );

  test("since the source lies goes on to the next source, and is reported loudly", async () => {
    const liar = await serve(direct.www(3), {
      answer: async (request, response) => {
        const { url = "" } = request;
        if (!url.startsWith("/content/objects/") || isWholeOf(3)(url)) return false;
        const bytes = await fs.readFile(path.join(direct.www(3), url));
        bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
        response.writeHead(200, { "content-length": bytes.length }).end(bytes);
        return true;
      },
    });
    const good = await serve(direct.www(3));
    const agent = await makeAgent(direct, { sources: { liar: liar.url, good: good.url }, installed: 1 });
    const { report, lines } = await runUpdate(agent);
    expect(report).toMatchObject({
      outcome: "updated",
      attempts: [
        { name: "liar", code: "HASH_MISMATCH" },
        { name: "good", outcome: "delivered" },
      ],
      installed: [{ via: "delta" }],
    });
    expect(lines.filter(({ level }) => level === "error")).toHaveLength(1);
    expect(good.objects()).toHaveLength(2);
    await expectPublication(agent, 3);
  });

  test("since the source is behind with everything: its metadata is stale, its objects still serve", async () => {
    const both = await fs.mkdtemp(path.join(direct.folder, "stale-"));
    await fs.cp(direct.www(2), both, { recursive: true });
    await fs.cp(path.join(direct.www(3), "content/objects"), path.join(both, "content/objects"), {
      recursive: true,
    });
    const bare = await serve(direct.www(3), {
      answer: ({ url = "" }, response) => {
        if (!url.startsWith("/content/objects/")) return false;
        response.writeHead(404).end();
        return true;
      },
    });
    const stale = await serve(both);
    const agent = await makeAgent(direct, { sources: { bare: bare.url, stale: stale.url }, installed: 1 });
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({
      outcome: "updated",
      attempts: [
        { name: "bare", code: "HTTP_NOT_FOUND" },
        { name: "stale", outcome: "delivered" },
      ],
      installed: [{ via: "delta", toVersion: "3.0" }],
    });
    await expectPublication(agent, 3);
  });
});

const storeFile = (agent: Agent, bytes: Buffer) =>
  path.join(agent.dataDir, "store", sha256(bytes).slice(0, 2), sha256(bytes));

describe("an installed file", () => {
  const engine = history(1)["engine.bin"] as Buffer;

  test.for([
    ["was altered in one byte", Buffer.concat([Buffer.from([(engine[0] ?? 0) ^ 1]), engine.subarray(1)])],
    ["was cut short", engine.subarray(0, 1_000)],
    ["was emptied", Buffer.alloc(0)],
  ] as const)("that %s is no base: the whole file comes from the same source", async ([, altered]) => {
    const { agent } = await upgrade(direct);
    await fs.rm(storeFile(agent, engine));
    await fs.writeFile(storeFile(agent, engine), altered);
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ outcome: "updated" });
    expect(report.attempts).toHaveLength(1);
    expect(setbacksOf(report)).toEqual([["engine.bin", "bsdiff", "DELTA_FAILED"]]);
    await expectPublication(agent, 3);
  });

  test("that is gone is no base either", async () => {
    const { agent } = await upgrade(direct);
    await fs.rm(storeFile(agent, engine));
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ outcome: "updated", attempts: [{ outcome: "delivered" }] });
    await expectPublication(agent, 3);
  });

  test("that is gone and has not changed since is fetched again with the new release", async () => {
    const { agent } = await upgrade(direct);
    const same = history(1)["same.dat"] as Buffer;
    await fs.rm(storeFile(agent, same));
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ outcome: "updated", attempts: [{ outcome: "delivered" }] });
    await expectPublication(agent, 3);
  });
});

describe("a repository of another publisher", () => {
  const base = noise("base", 300_000);
  const target = Buffer.concat([base.subarray(0, 100_000), noise("new", 5_000), base.subarray(90_000)]);
  const first: ForgedRelease = { files: { "a.dat": base } };
  const second = (...alternatives: NonNullable<ForgedRelease["alternatives"]>[string]): ForgedRelease => ({
    files: { "a.dat": target },
    alternatives: { "a.dat": alternatives },
  });

  async function upgraded(deltas: Delta[], alternatives: NonNullable<ForgedRelease["alternatives"]>[string]) {
    const { agent, source } = await upgradeOf(direct, [first, second(...alternatives)], deltas);
    open.push(source);
    const { report } = await runUpdate(agent);
    await expectFiles(agent, { "rules/a.dat": target });
    await expectTidy(agent);
    expect(report.outcome).toBe("updated");
    return { report, asked: source.objects().map(({ path: name }) => path.basename(name)) };
  }

  test.for(["dcz", "dcz-segments", "bsdiff"] as const)("with a %s delta is understood", async (format) => {
    const made = {
      dcz: dczDeltaOf(base, target),
      "dcz-segments": segmentsOf(base, target, { size: 65_536, margin: 65_536 }),
      bsdiff: await bsdiffDelta(base, target),
    }[format];
    const { report, asked } = await upgraded([made], [made.alternative]);
    expect(asked).toEqual([made.alternative.sha256]);
    expect(report.installed).toMatchObject([{ via: "delta", bytes: made.object.length }]);
  });

  test("with a compressed whole is understood", async () => {
    const text = Buffer.from("a rule\n".repeat(10_000));
    const made = zstdDelta(frame(text));
    const release = { files: { "a.dat": text }, alternatives: { "a.dat": [made.alternative] } };
    const { agent, source } = await upgradeOf(direct, [first, release], [made]);
    open.push(source);
    const { report } = await runUpdate(agent);
    expect(report.installed).toMatchObject([{ via: "full", bytes: made.object.length }]);
    await expectFiles(agent, { "rules/a.dat": text });
  });

  test("with formats that nobody here knows is understood: the whole file", async () => {
    const unknown = { format: "zstd-2", base: sha256(base), length: 5, sha256: sha256(base), window: [1] };
    const { report, asked } = await upgraded([], [unknown, { format: "other" }]);
    expect(asked).toEqual([sha256(target)]);
    expect(report.installed).toMatchObject([{ via: "full" }]);
    expect(setbacksOf(report)).toEqual([]);
  });

  test("whose delta leads to another file, signed as it is, costs the delta: then the whole file", async () => {
    const wrong = dczDeltaOf(base, noise("wrong", target.length), frame(noise("wrong", 9_000)));
    const { report, asked } = await upgraded([wrong], [wrong.alternative]);
    expect(asked).toEqual([wrong.alternative.sha256, sha256(target)]);
    expect(report.attempts).toMatchObject([{ outcome: "delivered" }]);
    expect(setbacksOf(report)).toEqual([["a.dat", "dcz", "DELTA_FAILED"]]);
  });

  test("with a delta from a file that is not here is not asked for it", async () => {
    const foreign = dczDeltaOf(noise("foreign", 300_000), target, frame(Buffer.alloc(10)));
    const { asked } = await upgraded([foreign], [foreign.alternative]);
    expect(asked).toEqual([sha256(target)]);
  });

  test("that fills a release with several files brings each by its own way", async () => {
    const names = ["a.dat", "b/c.dat", "d.dat", "e.dat", "f.dat", "g.dat", "h.dat"];
    const old = Object.fromEntries(names.map((name) => [name, noise(name, 100_000)]));
    const young = Object.fromEntries(
      names.map((name) => [name, Buffer.concat([old[name] ?? Buffer.alloc(0), noise(`more ${name}`, 50)])]),
    );
    const deltas = names.map((name) => dczDeltaOf(old[name] as Buffer, young[name] as Buffer));
    const alternatives = Object.fromEntries(names.map((name, at) => [name, [deltas[at]?.alternative ?? {}]]));
    const { agent, source } = await upgradeOf(
      direct,
      [{ files: old }, { files: young, alternatives }],
      deltas,
    );
    open.push(source);
    const { report } = await runUpdate(agent);
    expect(report.installed).toMatchObject([{ via: "delta" }]);
    expect(bytesOf(report)).toBe(deltas.reduce((sum, { object }) => sum + object.length, 0));
    await expectFiles(
      agent,
      Object.fromEntries(names.map((name) => [`rules/${name}`, young[name] as Buffer])),
    );
    await expectTidy(agent);
  });

  const fresh = Buffer.concat([base, noise("fresh", 3_000_000)]);
  const long = dczDeltaOf(base, fresh);
  const longer: ForgedRelease = { files: { "a.dat": Buffer.concat([fresh, Buffer.alloc(2_000_000)]) } };

  test("whose delta was interrupted is asked for the rest of it by the next run", async () => {
    const target = longer.files["a.dat"] as Buffer;
    const made = dczDeltaOf(base, target);
    const cut = 1_500_000;
    let answers = 0;
    const answer: SourceOptions["answer"] = ({ url = "" }, response) => {
      if (!url.endsWith(made.alternative.sha256) || answers++ > 0) return false;
      response.writeHead(200, { "content-length": made.object.length });
      response.write(made.object.subarray(0, cut));
      return true;
    };
    const release = { files: { "a.dat": target }, alternatives: { "a.dat": [made.alternative] } };
    const { agent, source } = await upgradeOf(direct, [first, release], [made], { answer: { answer } });
    open.push(source);
    const abort = new AbortController();
    const onEvent = (event: UpdateEvent) => {
      if (event.type === "progress" && event.received >= cut) abort.abort();
    };
    await expect(runUpdate(agent, { signal: abort.signal, onEvent })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    const { report } = await runUpdate(agent);
    const asked = source
      .objects()
      .filter(({ path: name }) => name === `/${objectPath(made.alternative.sha256)}`);
    expect(asked.map(({ range }) => range)).toEqual([undefined, `bytes=${cut}-`]);
    expect(report.installed).toMatchObject([{ via: "delta", bytes: made.object.length - cut }]);
    await expectFiles(agent, { "rules/a.dat": target });
    await expectTidy(agent);
  });

  test("whose delta had come before the run was killed is not asked again", async () => {
    const target = longer.files["a.dat"] as Buffer;
    const made = dczDeltaOf(base, target);
    const release = { files: { "a.dat": target }, alternatives: { "a.dat": [made.alternative] } };
    const { agent, source } = await upgradeOf(direct, [first, release], [made]);
    open.push(source);
    await fs.writeFile(path.join(agent.dataDir, "partial", made.alternative.sha256), made.object);
    await fs.writeFile(path.join(agent.dataDir, "tmp", "rebuilt.1.abc"), "half made");
    const { report } = await runUpdate(agent);
    expect(source.objects()).toEqual([]);
    expect(report.installed).toMatchObject([{ via: "delta", bytes: 0 }]);
    await expectFiles(agent, { "rules/a.dat": target });
    await expectTidy(agent);
  });

  test("comes whole where there is room for that, and none for a delta beside it", async ({ skip }) => {
    const release = { files: { "a.dat": fresh }, alternatives: { "a.dat": [long.alternative] } };
    const { agent, source } = await upgradeOf(direct, [first, release], [long]);
    open.push(source);
    await onSmallDisk(agent, fresh.length + 1_048_576 + long.object.length / 2, skip, async () => {
      const { report } = await runUpdate(agent);
      expect(report.installed).toMatchObject([{ via: "full", bytes: fresh.length }]);
      expect(setbacksOf(report)).toEqual([]);
    });
  });
});

async function bsdiffDelta(base: Buffer, target: Buffer): Promise<Delta> {
  const object = await packBsdiff(base, target);
  return { alternative: { format: "bsdiff", base: sha256(base), ...named(object) }, object };
}

/** Runs `work` with the agent's data on a disk that has so much left; skips where none can be mounted. */
async function onSmallDisk(
  agent: Agent,
  left: number,
  skip: (reason: string) => void,
  work: () => Promise<void>,
): Promise<void> {
  const aside = `${agent.dataDir}-aside`;
  await fs.rename(agent.dataDir, aside);
  await fs.mkdir(agent.dataDir);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=33554432,mode=0755", "tmpfs", agent.dataDir], {
      stdio: "pipe",
    });
  } catch (error) {
    return skip(`no tmpfs can be mounted here: ${(error as Error).message.split("\n")[1] ?? ""}`);
  }
  try {
    await fs.cp(aside, agent.dataDir, { recursive: true, verbatimSymlinks: true });
    const { bavail, bsize } = await fs.statfs(agent.dataDir);
    await fs.writeFile(path.join(agent.dataDir, "ballast"), Buffer.alloc(Math.floor(bavail * bsize - left)));
    await work();
  } finally {
    execFileSync("umount", [agent.dataDir]);
  }
}
