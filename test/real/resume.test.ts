import { promises as fs } from "node:fs";
import type { ServerResponse } from "node:http";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { BLOCK_SIZE } from "../../src/core/content/layout.ts";
import { openDataDir } from "../../src/store/openDataDir.ts";
import type { UpdateEvent } from "../../src/update/update.ts";
import { type SourceOptions, startSource, type TestSource } from "../support/source.ts";
import {
  type Agent,
  closeAll,
  expectInstalled,
  expectTidy,
  LARGE,
  makeAgent,
  noise,
  objectOf,
  payload,
  runUpdate,
  sharedWorld,
} from "../support/world.ts";

const stage = sharedWorld({ large: true });

const open: TestSource[] = [];
afterEach(() => closeAll(open));

const OBJECT = payload(1, "pattern")["pattern.bin"] ?? Buffer.alloc(0);
const HASH = objectOf(1, "pattern");

async function serve(options?: SourceOptions): Promise<TestSource> {
  const source = await startSource(stage.world.www(1), options);
  open.push(source);
  return source;
}

/** Answers a request for the object with `send`, and every other honestly. */
const onObject =
  (send: (response: ServerResponse, from: number) => void): SourceOptions["answer"] =>
  ({ url = "", headers }, response) => {
    if (!url.endsWith(HASH)) return false;
    const from = Number(headers.range?.match(/\d+/)?.[0] ?? 0);
    const range = `bytes ${from}-${LARGE - 1}/${LARGE}`;
    response.writeHead(from === 0 ? 200 : 206, {
      "content-length": LARGE - from,
      ...(from === 0 ? {} : { "content-range": range }),
    });
    send(response, from);
    return true;
  };

function endpoint(sources: Record<string, TestSource>): Promise<Agent> {
  const urls = Object.fromEntries(Object.entries(sources).map(([name, { url }]) => [name, url]));
  return makeAgent(stage.world, { sources: urls, components: ["pattern"] });
}

const partialFile = (agent: Agent) => path.join(agent.dataDir, "partial", HASH);

/** The ranges in which the large object was asked for, in order. */
const ranges = (source: TestSource) =>
  source.objects().flatMap((request) => (request.path.endsWith(HASH) ? [request.range ?? "whole"] : []));

const whole = { outcome: "updated", exitCode: 0 };

async function expectPattern(agent: Agent): Promise<void> {
  await expectInstalled(agent, 1, ["pattern"]);
  await expectTidy(agent);
}

describe("a transfer that was interrupted", () => {
  test("is continued where it was by the next run, from another source", async () => {
    const cut = 5_000_000;
    const slow = await serve({ answer: onObject((response) => response.write(OBJECT.subarray(0, cut))) });
    const other = await serve();
    const agent = await endpoint({ slow });
    const abort = new AbortController();
    const onEvent = (event: UpdateEvent) => {
      if (event.type === "progress" && event.received >= cut) abort.abort();
    };
    await expect(runUpdate(agent, { signal: abort.signal, onEvent })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    const { size } = await fs.stat(partialFile(agent));
    expect(size).toBe(cut);

    const second = await endpoint({ other });
    await fs.rename(agent.dataDir, second.dataDir);
    const { report } = await runUpdate(second);
    expect(report).toMatchObject(whole);
    expect(ranges(other)).toEqual([`bytes=${cut}-`]);
    expect(report.installed).toMatchObject([{ component: "pattern", bytes: LARGE - cut }]);
    await expectPattern(second);
  });

  test("is continued by the next source of the same run", async () => {
    const cut = 6_000_000;
    const dying = await serve({
      answer: onObject((response, from) => {
        if (from === 0) response.write(OBJECT.subarray(0, cut), () => response.destroy());
        else response.destroy();
      }),
    });
    const good = await serve();
    const agent = await endpoint({ dying, good });
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject(whole);
    expect(report.attempts.map(({ code }) => code)).toEqual(["CONNECTION_RESET", undefined]);
    const [range] = ranges(good);
    const from = Number(range?.match(/\d+/)?.[0]);
    expect(from).toBeGreaterThan(0);
    expect(from).toBeLessThanOrEqual(cut);
    await expectPattern(agent);
  });

  test("by a stall is continued by the next source, which sends the rest alone", async () => {
    const cut = 5_000_000;
    const stalling = await serve({ answer: onObject((response) => response.write(OBJECT.subarray(0, cut))) });
    const good = await serve();
    const urls = { stalling: stalling.url, good: good.url };
    const agent = await makeAgent(stage.world, {
      sources: urls,
      components: ["pattern"],
      config: { http: { stallTimeout: 1_500 } },
    });
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ ...whole, attempts: [{ code: "STALLED" }, { outcome: "delivered" }] });
    expect(ranges(good)).toEqual([`bytes=${cut}-`]);
    await expectPattern(agent);
  });

  test("of the same source is continued after a moment", async () => {
    const flaky = await serve({
      answer: onObject((response, from) => {
        const to = from === 0 ? 3_000_000 : LARGE;
        response.write(OBJECT.subarray(from, to), () => (to === LARGE ? response.end() : response.destroy()));
      }),
    });
    const agent = await endpoint({ flaky });
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ ...whole, attempts: [{ outcome: "delivered" }] });
    expect(ranges(flaky)[0]).toBe("whole");
    expect(ranges(flaky)[1]).toMatch(/^bytes=[1-9]\d*-$/);
    await expectPattern(agent);
  });
});

describe("a source that lies", () => {
  test("in the first part and hangs up costs one block, and who continues is not blamed", async () => {
    const cut = 3_000_000;
    const lies = noise("lies", cut);
    const liar = await serve({
      answer: onObject((response, from) => {
        if (from === 0) response.write(lies, () => response.destroy());
        else response.destroy();
      }),
    });
    const good = await serve();
    const agent = await endpoint({ liar, good });
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({
      ...whole,
      attempts: [{ code: "CONNECTION_RESET" }, { outcome: "delivered" }],
    });
    const [first, second] = ranges(good);
    expect(first).toMatch(/^bytes=[1-9]\d*-$/);
    expect(second).toBe("whole");
    const began = Number(first?.match(/\d+/)?.[0]);
    const bytes = report.installed[0]?.bytes ?? 0;
    expect(bytes - LARGE).toBeLessThanOrEqual(BLOCK_SIZE - began + 1_048_576);
    await expectPattern(agent);
  });

  test("in the second block is cut off there, and the first block is kept", async () => {
    const altered = Buffer.from(OBJECT);
    altered[BLOCK_SIZE + 5] = (altered[BLOCK_SIZE + 5] ?? 0) ^ 1;
    const liar = await serve({ answer: onObject((response) => response.end(altered)) });
    const good = await serve();
    const agent = await endpoint({ liar, good });
    const { report, lines } = await runUpdate(agent);
    expect(report).toMatchObject({
      ...whole,
      attempts: [{ code: "HASH_MISMATCH" }, { outcome: "delivered" }],
    });
    expect(lines.filter(({ level }) => level === "error")).toHaveLength(1);
    expect(ranges(good)).toEqual([`bytes=${BLOCK_SIZE}-`]);
    expect(report.attempts[0]?.bytes).toBeLessThan(LARGE);
    await expectPattern(agent);
  });

  test("in the last byte, a block of its own, leaves all other blocks in use", async () => {
    const altered = Buffer.concat([OBJECT.subarray(0, -1), Buffer.from([(OBJECT.at(-1) ?? 0) ^ 1])]);
    const liar = await serve({ answer: onObject((response) => response.end(altered)) });
    const good = await serve();
    const agent = await endpoint({ liar, good });
    const { report } = await runUpdate(agent);
    expect(report.attempts.map(({ code }) => code)).toEqual(["HASH_MISMATCH", undefined]);
    expect(ranges(good)).toEqual([`bytes=${2 * BLOCK_SIZE}-`]);
    await expectPattern(agent);
  });

  test("after every liar before it still leaves the last source the blocks that were true", async () => {
    const liarFrom = (at: number) => {
      const altered = Buffer.from(OBJECT);
      altered[at] = (altered[at] ?? 0) ^ 1;
      return onObject((response, from) => response.end(altered.subarray(from)));
    };
    const sources = {
      one: await serve({ answer: liarFrom(BLOCK_SIZE + 1) }),
      two: await serve({ answer: liarFrom(2 * BLOCK_SIZE + 1) }),
      good: await serve(),
    };
    const agent = await endpoint(sources);
    const { report } = await runUpdate(agent);
    expect(report.attempts.map(({ code }) => code)).toEqual(["HASH_MISMATCH", "HASH_MISMATCH", undefined]);
    expect(ranges(sources.two)).toEqual([`bytes=${BLOCK_SIZE}-`]);
    expect(ranges(sources.good)).toEqual([`bytes=${2 * BLOCK_SIZE}-`]);
    await expectPattern(agent);
  });
});

describe("a partial file", () => {
  const leftovers: [what: string, bytes: Buffer, asked: string[]][] = [
    ["of garbage is thrown away", noise("garbage", 5_000_000), ["whole"]],
    [
      "of garbage within a block is continued, and thrown away when that does not fit",
      noise("g", 1_000),
      ["bytes=1000-", "whole"],
    ],
    [
      "with a true first block is continued after it",
      Buffer.concat([OBJECT.subarray(0, BLOCK_SIZE), noise("g", BLOCK_SIZE)]),
      [`bytes=${BLOCK_SIZE}-`],
    ],
    ["that is too long and garbage is thrown away", noise("garbage", LARGE + 1_000), ["whole"]],
    ["that is too long and begins with the object is the object", Buffer.concat([OBJECT, noise("g", 9)]), []],
    ["that is whole needs no request", OBJECT, []],
    ["that lacks one byte is asked for that byte", OBJECT.subarray(0, -1), [`bytes=${LARGE - 1}-`]],
    ["that is empty is none", Buffer.alloc(0), ["whole"]],
  ];

  test.for(leftovers)("%s", async ([, bytes, asked]) => {
    const good = await serve();
    const agent = await endpoint({ good });
    await openDataDir(agent.dataDir);
    await fs.writeFile(partialFile(agent), bytes);
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ ...whole, attempts: [{ outcome: "delivered" }] });
    expect(ranges(good)).toEqual(asked);
    await expectPattern(agent);
  });

  test("of an object that is no longer wanted is swept", async () => {
    const good = await serve();
    const agent = await endpoint({ good });
    await openDataDir(agent.dataDir);
    await fs.writeFile(path.join(path.dirname(partialFile(agent)), "0".repeat(64)), "old");
    await runUpdate(agent);
    await expectPattern(agent);
  });

  test("that is a symbolic link is not followed: the run stops and names it", async () => {
    const good = await serve();
    const agent = await endpoint({ good });
    const victim = path.join(stage.world.folder, "victim");
    await fs.writeFile(victim, "precious");
    await openDataDir(agent.dataDir);
    await fs.symlink(victim, partialFile(agent));
    await expect(runUpdate(agent)).rejects.toMatchObject({ code: "STORAGE_UNSAFE" });
    expect(await fs.readFile(victim, "utf8")).toBe("precious");
  });

  test("that is a folder stops the run", async () => {
    const good = await serve();
    const agent = await endpoint({ good });
    await openDataDir(agent.dataDir);
    await fs.mkdir(partialFile(agent), { recursive: true });
    await expect(runUpdate(agent)).rejects.toMatchObject({ phase: "storage" });
  });
});
