import { createHash } from "node:crypto";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { readToken } from "../../src/core/fleet/enrolmentToken.ts";
import { addRelease } from "../../src/publisher/addRelease.ts";
import { initRepository } from "../../src/publisher/init.ts";
import { openDatabase } from "../../src/server/store/database.ts";
import { databases } from "../support/databases.ts";
import { startReceiver } from "../support/receiver.ts";
import { openServer, type ServerProcess } from "../support/serverProcess.ts";
import { makeServerFolders } from "../support/twoServers.ts";
import { newFolder, writeJson } from "../support/world.ts";

const ADA = { user: "ada", password: "correct horse battery" };
const AWAITED = { timeout: 60_000, interval: 50 };
const SETTINGS = {
  ...{ insecure: true, webhooks: { allow: ["127.0.0.1"] }, releases: { watchEvery: 100 } },
  ...{ watch: { troubledShare: 1 } },
};

/** A real server that can be killed and started again, with a session of the administrator that outlives it. */
async function startSite(url: string) {
  const { dirs, token } = await makeServerFolders(1, url, SETTINGS);
  const [dir = ""] = dirs;
  let running: ServerProcess | undefined;
  let cookie = "";
  const end = async (signal: "SIGKILL" | "SIGTERM") => {
    running?.process.kill(signal);
    await running?.ended;
    running = undefined;
  };
  const start = async () => {
    running = await openServer(dir);
    if (cookie !== "") return;
    const answer = await running.call("POST", "/setup", { token, ...ADA });
    expect(answer.status).toBe(201);
    cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? "";
  };
  const call: ServerProcess["call"] = async (method, place, body, headers = {}) => {
    const answer = await running?.call(method, place, body, { cookie, ...headers });
    if (answer === undefined) throw new Error("the server was killed");
    return answer;
  };
  onTestFinished(() => end("SIGKILL"));
  await start();
  return { dir, start, end, call, agents: () => running?.agents ?? "" };
}

type Site = Awaited<ReturnType<typeof startSite>>;

async function enrol(site: Site, name: string, disk: string, address: string): Promise<void> {
  const { token } = (await site.call("POST", "/enrolment-tokens", {})).body;
  const fingerprint = createHash("sha256").update(disk).digest("hex");
  const machine = { token: readToken(token)?.secret, name, addresses: [address], fingerprint };
  const answer = await fetch(`${site.agents()}/v1/enrol`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...machine, program: "0.1.0" }),
  });
  expect(answer.status, await answer.text()).toBe(201);
}

async function addRules({ dir, call }: Site): Promise<void> {
  const place = { dir: path.join(dir, "www"), keysDir: path.join(dir, "content-keys") };
  await initRepository({ ...place, repository: "content" });
  const folder = await newFolder();
  await writeJson(path.join(folder, "rules.json"), {});
  await addRelease({ ...place, kind: "components", name: "rules", version: "1.0", path: folder });
  const known = async () => (await call("GET", "/releases/components/rules")).status;
  await expect.poll(known, AWAITED).toBe(200);
}

describe.for(databases().filter(({ isShared }) => isShared))("with $name,", ({ isHere, makeUrl }) => {
  test.skipIf(!isHere)(
    "a server that is killed between a cause and its delivery tells the webhook after its next start, and once",
    { timeout: 120_000 },
    async () => {
      const url = await makeUrl();
      const site = await startSite(url);
      const receiver = await startReceiver();
      onTestFinished(() => receiver.close());
      const hook = { name: "pager", url: receiver.url, events: [] };
      const { id, secret } = (await site.call("POST", "/webhooks", hook)).body;
      await addRules(site);
      await enrol(site, "gold", "one disk", "10.1.0.1");
      // The receiver hangs in the middle of the first delivery: what follows waits behind it.
      const { promise: released, resolve: release } = Promise.withResolvers<void>();
      receiver.answer = { status: 204, after: released };
      await enrol(site, "copy", "one disk", "10.1.0.2");
      await expect.poll(() => receiver.received.length, AWAITED).toBe(1);
      // What holds for a while, and no server has looked at when this one is killed.
      const entries = [{ range: "10.2.0.0/16", url: "http://ua.example:21112" }];
      const list = { mode: "customized", entries };
      expect((await site.call("PUT", "/source-list", list, { "if-match": '"0"' })).status).toBe(200);
      const halted = await site.call("POST", "/releases/components/rules/halt", { reason: "it stops" });
      expect(halted.status).toBe(200);
      await site.end("SIGKILL");
      expect(receiver.events(secret).map(({ type }) => type)).toEqual(["agent.cloned"]);
      receiver.answer = { status: 204 };
      release();

      // The minute for which a delivery is nobody else's goes by.
      const { db, close } = await openDatabase(url, (file) => file);
      await db
        .updateTable("deliveries")
        .set({ next_at: Date.now() })
        .where("state", "=", "waiting")
        .execute();
      await close();
      await site.start();
      const told = () =>
        receiver
          .events(secret)
          .map(({ type, data }) => `${type} ${data.subject}`.replace(/[\w-]{20,}/, "ID"))
          .toSorted();
      const all = ["agent.cloned ID", "agent.cloned ID", "networks.uncovered networks"];
      await expect.poll(told, AWAITED).toEqual([...all, "release.halted components/rules 1"].toSorted());
      const ids = receiver.received.map(({ headers }) => headers["webhook-id"]);
      expect(new Set(ids).size, "the one that was cut short came again as itself").toBe(3);

      // Killed and started once more: nothing is told again, and the next cause is.
      const states = async () => {
        const { items } = (await site.call("GET", `/webhooks/${id}/deliveries`)).body;
        return items.map(({ state }: { state: string }) => state);
      };
      await expect.poll(states, AWAITED).toEqual(["delivered", "delivered", "delivered"]);
      await site.end("SIGKILL");
      await site.start();
      expect((await site.call("POST", "/releases/components/rules/resume", {})).status).toBe(200);
      await expect.poll(() => receiver.received.length, AWAITED).toBe(5);
      // It ends after its first look has ended.
      await site.end("SIGTERM");
      expect(told().slice(-2)).toEqual([
        "release.halted components/rules 1",
        "release.resumed components/rules 1",
      ]);
      const after = await openDatabase(url, (file) => file);
      const kept = await after.db.selectFrom("events").select("type").orderBy("type").execute();
      await after.close();
      const types = ["agent.cloned", "networks.uncovered", "release.halted", "release.resumed"];
      expect(kept.map(({ type }) => type)).toEqual(types);
    },
  );
});
