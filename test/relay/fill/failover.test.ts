import { execFileSync } from "node:child_process";
import { promises as fs } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { SILENT } from "../../../src/config/log.ts";
import { openListener } from "../../../src/http/server.ts";
import type { UpdateEvent } from "../../../src/update/update.ts";
import { makeAuthority, writeCertificate } from "../../real/certificates.ts";
import {
  ask,
  makeRelayAgent,
  objectUrl,
  startRelayProcess,
  startTestRelay,
  type TestRelayOptions,
} from "../../support/relay.ts";
import { type SourceOptions, startSource, type TestSource } from "../../support/source.ts";
import {
  type ComponentName,
  closeAll,
  expectInstalled,
  expectTidy,
  LARGE,
  makeAgent,
  objectOf,
  payload,
  runUpdate,
  sharedWorld,
} from "../../support/world.ts";

const large = objectUrl(objectOf(2, "pattern"));
const bytes = payload(2, "pattern")["pattern.bin"] ?? Buffer.alloc(0);
const components: ComponentName[] = ["rules", "pattern"];

const stage = sharedWorld({ large: true });

const open: { close: () => Promise<void> }[] = [];
afterEach(() => closeAll(open));

async function source(options?: SourceOptions): Promise<TestSource> {
  const started = await startSource(stage.world.www(2), options);
  open.push(started);
  return started;
}

async function relayProcess(options: TestRelayOptions & { lazy?: boolean }) {
  const started = await startRelayProcess(stage.world, options);
  open.push({ close: started.kill });
  return started;
}

describe("an Update Agent that is killed with -9", () => {
  test("in mid-transfer: its client goes on at the next source, from where it was, and the Update Agent has lost nothing", async () => {
    const origin = await source();
    const relay = await relayProcess({ upstream: origin.url, relay: { rateLimit: 2_000_000 } });
    const next = await source();
    const agent = await makeAgent(stage.world, { sources: { near: relay.url, next: next.url }, components });
    let killed: Promise<void> | undefined;
    const onEvent = (event: UpdateEvent) => {
      if (event.type === "progress" && event.length === LARGE && event.received > 1_000_000)
        killed ??= relay.kill();
    };
    const { report } = await runUpdate(agent, { onEvent });
    expect(killed).toBeDefined();
    expect(report.attempts.map(({ name }) => name)).toEqual(["near", "next"]);
    await expectInstalled(agent, 2, components);
    await expectTidy(agent);
    expect(next.requests.find(({ path: each }) => each === large)?.range).toMatch(/^bytes=[1-9]/);

    const asked = origin.objects().length;
    const again = await relayProcess({ upstream: origin.url, agent: relay.agent });
    const other = await makeAgent(stage.world, { sources: { near: again.url }, components });
    expect((await runUpdate(other)).report.outcome).toBe("updated");
    expect(origin.objects().length).toBe(asked);
  });

  test("while it fills: goes on with what it had", async () => {
    let isHeld = true;
    let reached = () => {};
    const half = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const origin = await source({
      answer: ({ url }, response) => {
        if (url !== large || !isHeld) return false;
        response.writeHead(200, { "content-length": LARGE }).write(bytes.subarray(0, 5_000_000));
        reached();
        return true;
      },
    });
    const relay = await relayProcess({ upstream: origin.url, lazy: true });
    await ask(relay.url, "/content/metadata/timestamp.json");
    const part = ask(relay.url, large, { headers: { range: "bytes=0-4194303" } });
    await half;
    expect((await part).body.length).toBe(4_194_304);
    await relay.kill();
    isHeld = false;
    const again = await relayProcess({ upstream: origin.url, agent: relay.agent });
    expect((await ask(again.url, large)).body.equals(bytes)).toBe(true);
    const last = origin.requests.filter(({ path: each }) => each === large).at(-1);
    expect(Number(last?.range?.match(/\d+/)?.[0])).toBeGreaterThanOrEqual(4_194_304);
  });
});

test("an Update Agent asks again over a fresh connection where something between has forgotten those it kept", async () => {
  const sockets = new Set<object>();
  const forgotten = new WeakSet<object>();
  let answered = 0;
  const origin = await source({
    answer: ({ socket }) => {
      sockets.add(socket);
      if (forgotten.has(socket)) return true;
      answered++;
      return false;
    },
  });
  const relay = await startTestRelay(stage.world, { upstream: origin.url, relay: { maxStale: 0 } });
  open.push(relay);
  await relay.relay.refresh();
  for (const socket of sockets) forgotten.add(socket);
  const before = answered;
  await ask(relay.url, "/content/metadata/timestamp.json");
  await expect.poll(() => answered, { timeout: 30_000 }).toBeGreaterThan(before);
});

test("an Update Agent that lies is found out, left, and reported, and the next delivers", async () => {
  const origin = await source();
  const relay = await relayProcess({ upstream: origin.url });
  const liar = await source({
    answer: async ({ url = "" }, response) => {
      const honest = await ask(relay.url, url);
      if (url === large) honest.body[6_000_000] = (honest.body[6_000_000] ?? 0) ^ 1;
      response.writeHead(honest.status, { "content-length": honest.body.length }).end(honest.body);
      return true;
    },
  });
  const agent = await makeAgent(stage.world, { sources: { liar: liar.url, near: relay.url }, components });
  const { report, lines } = await runUpdate(agent);
  expect(report.attempts).toMatchObject([
    { name: "liar", outcome: "failed", code: "HASH_MISMATCH" },
    { name: "near", outcome: "delivered" },
  ]);
  expect(lines.find(({ level }) => level === "error")?.message).toContain("liar");
  await expectInstalled(agent, 2, components);
});

describe("H8: a disk that is full", () => {
  test("ends serving, says why, and serving begins again when there is room", async (context) => {
    const origin = await source();
    const options = { upstream: origin.url, relay: { minFree: 2_000_000 } };
    const agent = await makeRelayAgent(stage.world, options);
    await onSmallDisk(agent.dataDir, 24_000_000, context.skip, async () => {
      const relay = await startTestRelay(stage.world, { ...options, agent });
      await relay.relay.refresh();
      expect((await ask(relay.url, large)).body.equals(bytes)).toBe(true);
      const ballast = path.join(agent.dataDir, "ballast");
      // An object that does not fit beside the space that must stay free is not begun, and the rest is
      // served.
      await fs.writeFile(ballast, Buffer.alloc(4_000_000));
      expect((await ask(relay.url, objectUrl(objectOf(1, "pattern")))).status).toBe(503);
      expect((await ask(relay.url, large, { method: "HEAD" })).status).toBe(200);
      await fs.writeFile(ballast, Buffer.alloc(12_500_000));
      await relay.relay.refresh();
      expect((await ask(relay.url, "/content/metadata/timestamp.json")).status).toBe(503);
      expect(relay.relay.health()).toMatchObject({ serving: false });
      expect(relay.relay.health().reason).toMatch(/has less than .* free/);
      await fs.rm(ballast);
      await relay.relay.refresh();
      expect((await ask(relay.url, large)).body.equals(bytes)).toBe(true);
      await relay.close();
    });
  });

  test("in the middle of a fill ends that fill alone, and it goes on when there is room", async (context) => {
    let go = () => {};
    const full = new Promise<void>((resolve) => {
      go = resolve;
    });
    const origin = await source({
      answer: async ({ url, headers }, response) => {
        if (url !== large || headers.range !== undefined) return false;
        response.writeHead(200, { "content-length": LARGE }).write(bytes.subarray(0, 5_000_000));
        await full;
        response.end(bytes.subarray(5_000_000));
        return true;
      },
    });
    const agent = await makeRelayAgent(stage.world, { upstream: origin.url });
    await onSmallDisk(agent.dataDir, 12_000_000, context.skip, async () => {
      const relay = await startTestRelay(stage.world, { upstream: origin.url, agent });
      await ask(relay.url, "/content/metadata/timestamp.json");
      await ask(relay.url, large, { headers: { range: "bytes=0-4194303" } });
      const ballast = path.join(agent.dataDir, "ballast");
      await fs.writeFile(ballast, Buffer.alloc(5_000_000)).catch(() => {});
      const waiting = ask(relay.url, large);
      go();
      await expect(waiting).rejects.toThrow();
      expect((await ask(relay.url, objectUrl(objectOf(2, "rules")))).status).toBe(200);
      await fs.rm(ballast);
      expect((await ask(relay.url, large)).body.equals(bytes)).toBe(true);
      await relay.close();
    });
  });
});

/** Runs `work` with a folder on a tmpfs of its own; skips where none can be mounted. */
async function onSmallDisk(
  folder: string,
  size: number,
  skip: (why: string) => void,
  work: () => Promise<void>,
) {
  await fs.mkdir(folder, { recursive: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=0755`, "tmpfs", folder], {
      stdio: "pipe",
    });
  } catch (error) {
    return skip(`no tmpfs can be mounted here: ${(error as Error).message}`);
  }
  try {
    await work();
  } finally {
    execFileSync("umount", ["-l", folder]);
  }
}

describe("over TLS with a private authority", () => {
  test("clients that have http.ca update, and those without do not", async () => {
    const authority = await makeAuthority(stage.world.folder, "Of this site");
    const tls = await writeCertificate(stage.world.folder, await authority.issue());
    const relay = await startTestRelay(stage.world, { upstream: (await source()).url, tls });
    open.push(relay);
    await relay.relay.refresh();
    const knows = await makeAgent(stage.world, {
      sources: { near: relay.url },
      config: { http: { ca: authority.file } },
    });
    expect((await runUpdate(knows)).report.outcome).toBe("updated");
    const not = await makeAgent(stage.world, { sources: { near: relay.url } });
    expect((await runUpdate(not)).report.attempts).toMatchObject([{ code: "TLS_CERTIFICATE" }]);
    const wrong = await makeAgent(stage.world, { sources: {}, config: { http: { ca: "missing.pem" } } });
    await expect(runUpdate(wrong)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });

  test("a certificate that was replaced is used from then on, and one that is half replaced is not", async () => {
    const authority = await makeAuthority(stage.world.folder, "Of this site, too");
    const files = await writeCertificate(stage.world.folder, await authority.issue());
    const listener = await openListener(
      { host: "127.0.0.1", port: 0, tls: files, log: SILENT },
      (_, response) => {
        response.end();
      },
    );
    open.push(listener);
    const serial = async () => {
      const { connect } = await import("node:tls");
      const socket = connect({ port: listener.port, host: "127.0.0.1", ca: authority.cert });
      await new Promise((done, fail) => socket.once("secureConnect", done).once("error", fail));
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const first = await serial();
    const stranger = await makeAuthority(stage.world.folder, "Of nobody");
    await fs.writeFile(files.key, (await stranger.issue()).key);
    await listener.reload();
    expect(await serial()).toBe(first);
    const next = await authority.issue();
    await fs.writeFile(files.cert, next.cert);
    await fs.writeFile(files.key, next.key);
    await listener.reload();
    expect(await serial()).not.toBe(first);
  });
});
