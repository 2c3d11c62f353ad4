import { expect, onTestFinished, test } from "vitest";
import type { Log } from "../../../src/config/log.ts";
import { runServer } from "../../../src/server/runServer.ts";
import { readServerConfig } from "../../../src/server/serverConfig.ts";
import { makeServer, setUp, tokenOf } from "../../support/serverWorld.ts";

test("a server says at its start which tokens open nothing since nobody knows who made them", async () => {
  const place = { host: "127.0.0.1", port: 0 };
  const world = await makeServer(undefined, { console: place, agents: place });
  await setUp(world);
  const orphan = await tokenOf(world, "administrator");
  const { db } = world.context.database;
  await db.updateTable("api_tokens").set({ maker_id: null, name: "old\nscript" }).execute();
  await tokenOf(world, "viewer");
  await world.stop();
  const lines: string[] = [];
  const keep = (line: string) => void lines.push(line);
  const log = { debug: keep, info: keep, warn: keep, error: keep } as unknown as Log;
  const server = await runServer(await readServerConfig(world.dir), log);
  onTestFinished(async () => {
    await server.close();
    await world.close().catch(() => {});
  });
  const said = lines.filter((line) => line.includes("API tokens"));
  expect(said).toEqual([expect.stringMatching(/open nothing, make new ones: old script$/)]);
  const headers = { authorization: `Bearer ${orphan}` };
  const asked = await fetch(`http://127.0.0.1:${server.consolePort}/api/v1/agents`, { headers });
  expect(asked.status).toBe(401);
});
