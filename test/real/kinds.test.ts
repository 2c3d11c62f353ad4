import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { CONTENT_KINDS, type ContentKind } from "../../src/core/content/kind.ts";
import { addRelease } from "../../src/publisher/addRelease.ts";
import { publishTargets } from "../../src/publisher/publishTargets.ts";
import { withRepository } from "../../src/publisher/repository/session.ts";
import { ask, startTestRelay } from "../support/relay.ts";
import { type SourceOptions, startSource } from "../support/source.ts";
import {
  closeAll,
  makeAgent,
  makeWorld,
  newFolder,
  readTree,
  runUpdate,
  type World,
} from "../support/world.ts";

/** Kinds are independent: what is wrong with the metadata of one costs the other nothing. */
let world: World;
let whole: string;
beforeAll(async () => {
  world = await makeWorld();
  whole = path.join(world.folder, "www");
  const file = path.join(world.folder, "agent.bin");
  await fs.writeFile(file, "a program");
  await addRelease({ dir: whole, kind: "programs", name: "agent", version: "1.0", path: file });
});
afterAll(() => world.remove());

const open: { close: () => Promise<void> }[] = [];
afterEach(() => closeAll(open));

const NAME = { components: "rules", programs: "agent" };
const CODES = {
  404: "HTTP_NOT_FOUND",
  403: "HTTP_FORBIDDEN",
  401: "HTTP_FORBIDDEN",
  500: "HTTP_SERVER_ERROR",
};

async function serve(root: string, answer?: SourceOptions["answer"]) {
  const source = await startSource(root, answer === undefined ? {} : { answer });
  open.push(source);
  return source;
}

/** A source that answers a status for what matches. */
function refusing(status: number, what: RegExp) {
  return serve(whole, ({ url = "" }, response) => {
    if (!what.test(url)) return false;
    response.writeHead(status).end();
    return true;
  });
}

/** A source whose publisher has signed a manifest of a kind that is none. */
async function signedWrongly(kind: ContentKind) {
  const dir = path.join(await newFolder(), "www");
  await fs.cp(whole, dir, { recursive: true });
  await fs.cp(`${whole}.keys`, `${dir}.keys`, { recursive: true });
  await withRepository({ dir }, "content", async (session) => {
    await publishTargets(session, [{ role: kind, target: `${kind}/odd.json`, bytes: Buffer.from("{}") }]);
    return {};
  });
  return await serve(dir);
}

const installed = async (dataDir: string) =>
  Object.keys(await readTree(path.join(dataDir, "current"))).filter((file) => file !== "manifest.json");

/** The result of an agent with that one source. */
async function updateFrom(url: string) {
  const agent = await makeAgent(world, {
    sources: { only: url },
    config: { kinds: ["components", "programs"], components: undefined },
  });
  await fs.writeFile(
    path.join(agent.folder, "list.json"),
    JSON.stringify({
      entries: [{ range: "127.0.0.0/8", url, kinds: ["components", "programs"] }],
      serverFallback: { enabled: false },
    }),
  );
  const { report } = await runUpdate(agent);
  return { report, files: await installed(agent.dataDir) };
}

describe.each(CONTENT_KINDS)("a source at which only the %s are wrong delivers the rest:", (wrong) => {
  const [right] = CONTENT_KINDS.filter((kind) => kind !== wrong) as [ContentKind];
  const role = new RegExp(`/metadata/\\d+\\.${wrong}\\.json$`);
  const manifest = new RegExp(`/targets/${wrong}/`);

  test.each([
    [404, role],
    [403, role],
    [401, role],
    [500, role],
    [404, manifest],
    [403, manifest],
  ] as const)("it answers %i for %s", async (status, what) => {
    const source = await refusing(status, what);
    const { report, files } = await updateFrom(source.url);
    expect(report).toMatchObject({ outcome: "partial", exitCode: 3, undelivered: [wrong] });
    expect(report.attempts).toMatchObject([{ code: CODES[status], delivered: [right] }]);
    expect(files.every((file) => file.startsWith(`${right}/${NAME[right]}/`))).toBe(true);
    expect(files.length).toBeGreaterThan(0);
  });

  test("its publisher signed a manifest that is none", async () => {
    const source = await signedWrongly(wrong);
    const { report } = await updateFrom(source.url);
    expect(report.attempts).toMatchObject([{ code: "MANIFEST_INVALID", delivered: [right] }]);
  });

  test("it altered a manifest on the way, and is reported", async () => {
    const source = await serve(whole, ({ url = "" }, response) => {
      if (!manifest.test(url)) return false;
      response.writeHead(200).end("altered");
      return true;
    });
    const { report } = await updateFrom(source.url);
    expect(report.attempts).toMatchObject([{ code: "HASH_MISMATCH", delivered: [right] }]);
  });

  test("an Update Agent below it serves what is right", async () => {
    const source = await refusing(403, role);
    const upstream = await startTestRelay(world, { upstream: source.url, kinds: ["components", "programs"] });
    open.push(upstream);
    await fs.writeFile(
      path.join(upstream.agent.folder, "list.json"),
      JSON.stringify({
        entries: [{ range: "127.0.0.0/8", url: source.url, kinds: ["components", "programs"] }],
        serverFallback: { enabled: false },
      }),
    );
    await upstream.relay.refresh();
    expect((await ask(upstream.url, "/content/metadata/timestamp.json")).status).toBe(200);
    const { report, files } = await updateFrom(upstream.url);
    expect(report.attempts).toMatchObject([{ code: "HTTP_NOT_FOUND", delivered: [right] }]);
    expect(files.length).toBeGreaterThan(0);
  });
});
