import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Report } from "../../src/core/report.ts";
import { expectInstalled } from "../support/world.ts";
import { changeConfig, expectError, json, on, openStage, type Stage } from "./commandLine.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

/** An agent that went from publication 1 to 2, and back. */
async function rolledBack(...options: string[]) {
  const agent = await stage.agentOf(2, { installed: 1 });
  expect((await on(agent, "update")).code).toBe(0);
  return { agent, ended: await on(agent, "rollback", ...options) };
}

const HOLD = { component: "components/rules", release: 2 };

describe.concurrent("after a rollback", () => {
  test("the note says so, and not that anything failed", async () => {
    const { agent, ended } = await rolledBack();
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    const held = "held after a rollback: components/rules up to release 2, until a newer one appears";
    expect(ended.stdout).toContain(held);
    expect((await on(agent, "update")).stdout).toContain(
      "components/rules stays as it is: held after a rollback",
    );
    expect((await on(agent, "status")).stdout).toContain(held);
    expect(json(await on(agent, "status", "--json"))).toMatchObject({
      held: { "components/rules": 2 },
      holds: [{ ...HOLD, reason: "rollback" }],
    });
  });

  test("rollback --json says where to, with what, and what is held", async () => {
    const { ended } = await rolledBack("--json");
    expect(ended.code).toBe(0);
    expect(json(ended)).toEqual({
      from: 2,
      to: 1,
      components: [{ kind: "components", name: "rules", release: 1, version: "1.0" }],
      held: [{ ...HOLD, reason: "rollback" }],
    });
  });

  test("rollback --json of nothing is JSON too", async () => {
    const ended = await on(await stage.agentOf(1), "rollback", "--json");
    expect(ended.code).toBe(2);
    expect(json(ended)).toMatchObject({ error: { code: "GENERATION_NOT_FOUND" } });
  });

  test("a hook that refuses the same release later makes it a failure", async () => {
    const { agent } = await rolledBack();
    await on(agent, "hold", "lift");
    await changeConfig(agent, { hooks: { afterUpdate: ["false"] } });
    expect((await on(agent, "update")).code).toBe(8);
    expect((await on(agent, "hold")).stdout).toContain(
      "held after a failure: components/rules up to release 2",
    );
  });
});

describe.concurrent("nearsource hold", () => {
  test("lists what is held, and hold lift lets the next update have it", async () => {
    const { agent } = await rolledBack();
    expect((await on(agent, "hold")).stdout).toBe(
      "held after a rollback: components/rules up to release 2, until a newer one appears\n",
    );
    const lifted = await on(agent, "hold", "lift", "rules");
    expect(lifted).toMatchObject({ code: 0, stderr: "" });
    expect(lifted.stdout).toContain("lifted: components/rules\n");
    expect((await on(agent, "hold")).stdout).toBe("Nothing is held.\n");
    expect(json<Report>(await on(agent, "update", "--json")).installed).toMatchObject([{ toVersion: "2.0" }]);
    await expectInstalled(agent, 2);
  });

  test("--json, before and after, with and without a name", async () => {
    const { agent } = await rolledBack();
    const hold = { ...HOLD, reason: "rollback" };
    expect(json(await on(agent, "hold", "--json"))).toEqual({ holds: [hold] });
    expect(json(await on(agent, "hold", "lift", "--json"))).toEqual({ lifted: [hold] });
    expect(json(await on(agent, "hold", "lift", "--json"))).toEqual({ lifted: [] });
    const unknown = await on(agent, "hold", "lift", "components/rules", "--json");
    expect(unknown.code).toBe(2);
    expect(json(unknown)).toMatchObject({ error: { code: "USAGE" } });
  });

  test("what the policy holds is listed, and lifted there", async () => {
    const agent = await stage.agentOf(2, { installed: 1, config: { policy: "policy.json" } });
    await fs.writeFile(path.join(agent.folder, "policy.json"), '{ "holds": { "components/rules": 1 } }');
    expect((await on(agent, "hold")).stdout).toBe("held by policy: components/rules at release 1\n");
    const refused = await on(agent, "hold", "lift", "rules");
    expect(refused.code).toBe(2);
    expectError(refused, /components\/rules is held at release 1 by the policy\nhint: it is lifted there/);
    expect(json(await on(agent, "hold", "lift", "--json"))).toEqual({ lifted: [] });
  });
});
