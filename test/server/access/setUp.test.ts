import { expect, onTestFinished, test } from "vitest";
import type { Log } from "../../../src/config/log.ts";
import { makeServer, setUp } from "../../support/serverWorld.ts";

test("the log says who became the first administrator, and that the link opens nothing any more", async () => {
  const world = await makeServer();
  onTestFinished(() => world.close());
  const lines: string[] = [];
  world.context.log = { ...world.context.log, info: (line: string) => void lines.push(line) } as Log;
  await setUp(world);
  expect(lines).toEqual(["ada is the first administrator: the set-up link opens nothing any more"]);
  expect(lines.join()).not.toContain(world.token);
  await expect(setUp(world)).rejects.toThrow();
  expect(lines).toHaveLength(1);
});
