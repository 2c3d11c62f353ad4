import { createPrivateKey, createPublicKey } from "node:crypto";
import { existsSync, promises as fs } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { initRepository } from "../../src/publisher/init.ts";
import { json, nearsource, start } from "../real/commandLine.ts";
import { newHome } from "../support/repositories.ts";
import { openServer } from "../support/serverProcess.ts";
import { readTree } from "../support/world.ts";

/** Files at whose sight init is killed, in the order in which it makes them, and times (ms) after its start. */
const SIGHTS = [
  "nearsource.db",
  "keys",
  "keys/settings/timestamp.pem",
  "www/settings/metadata/1.root.json",
  "www/settings/metadata/timestamp.json",
  "keys/root",
  "keys/root/root.pem",
  "server.json",
];
const TIMES = process.env.CRASH === "all" ? Array.from({ length: 60 }, (_, index) => 100 + index * 20) : [];
const MOMENTS: (string | number)[] = [...SIGHTS, ...TIMES];
const PLACES = ["--console", "127.0.0.1:0", "--agents", "127.0.0.1:0"];

/** Starts `server init`, and kills it at a moment. @returns whether it had ended by itself */
async function killInit(dir: string, moment: string | number, options: string[]): Promise<boolean> {
  const running = start(["server", "init", dir, ...PLACES, ...options, "--json"]);
  let hasEnded = false;
  running.ended.then(() => {
    hasEnded = true;
  });
  if (typeof moment === "number") await sleep(moment);
  else while (!hasEnded && !existsSync(path.join(dir, moment))) await sleep(0.2);
  running.process.kill("SIGKILL");
  return (await running.ended).code === 0;
}

/** Public keys that a root names for itself. */
async function rootKeysOf(dir: string): Promise<string[]> {
  const file = path.join(dir, "www/settings/metadata/1.root.json");
  const { signed } = JSON.parse(await fs.readFile(file, "utf8"));
  return signed.roles.root.keyids.map((id: string) => signed.keys[id].keyval.public);
}

/** Nothing is there that others may read, and of a server nothing is half: of what never became one, a key may be. */
async function expectWhole(
  dir: string,
  { isOwn, isServer }: Record<"isOwn" | "isServer", boolean>,
): Promise<void> {
  const names = await fs.readdir(path.join(dir, "keys"), { recursive: true }).catch(() => []);
  for (const name of names.filter((each) => each.endsWith(".pem"))) {
    const file = path.join(dir, "keys", name);
    expect((await fs.stat(file)).mode & 0o777, name).toBe(0o600);
    if (isServer) expect(createPrivateKey(await fs.readFile(file)).type, name).toBe("private");
  }
  // Wherever a root is published, its key is there too; of one that is taken over it is where it was as well.
  if (!isOwn || !isServer) return;
  const pems = names.filter((each) => path.basename(each) === "root.pem");
  expect(pems).toHaveLength(1);
  const own = createPublicKey(await fs.readFile(path.join(dir, "keys", pems[0] ?? "")));
  const written = [
    own.export({ format: "der", type: "spki" }).subarray(-32).toString("hex"),
    own.export({ format: "pem", type: "spki" }).toString(),
  ];
  expect(written).toEqual(expect.arrayContaining(await rootKeysOf(dir)));
}

test.for([["of its own"], ["that it takes over"]] as const)(
  "server init that is killed leaves no server, which is said, or a whole one, with settings %s",
  { timeout: 600_000 },
  async ([which]) => {
    const home = await newHome("init");
    const adopt = path.join(home, "site");
    if (which === "that it takes over") await initRepository({ dir: adopt, repository: "settings" });
    const options = which === "of its own" ? [] : ["--adopt", adopt];
    const original = existsSync(adopt) ? await readTree(home) : undefined;
    const outcomes = new Set<string>();
    for (const moment of MOMENTS) {
      const dir = path.join(await newHome("server"), "server");
      const hadEnded = await killInit(dir, moment, options);
      if (original !== undefined) expect(await readTree(home)).toEqual(original);
      const isServer = existsSync(path.join(dir, "server.json"));
      outcomes.add(isServer ? "a server" : "none");
      if (hadEnded) expect(isServer).toBe(true);
      await expectWhole(dir, { isOwn: original === undefined, isServer });
      const again = await nearsource("server", "init", dir, ...PLACES, ...options, "--json");
      if (isServer) {
        expect(again.code).toBe(6);
        expect(again.stderr).toContain("this one is a server, and nothing of it was changed");
        expect(existsSync(path.join(dir, "keys/root/root.pem"))).toBe(true);
        const running = await openServer(dir);
        onTestFinished(() => void running.process.kill("SIGKILL"));
        running.process.kill("SIGTERM");
        await running.ended;
        continue;
      }
      if (again.code === 0) continue;
      const opened = await nearsource("server", dir);
      expect([opened.code, opened.stderr]).toEqual([6, expect.stringContaining("there is no server in")]);
      expect(again.code, again.stderr).toBe(6);
      expect(again.stderr).toContain("delete this one where an init was cut short");
      await fs.rm(dir, { recursive: true });
      const anew = await nearsource("server", "init", dir, ...PLACES, ...options, "--json");
      expect(json<{ rootKey: string }>(anew).rootKey).toBe(path.join(dir, "keys/root/root.pem"));
    }
    expect([...outcomes].toSorted()).toEqual(["a server", "none"]);
  },
);
