import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { json, nearsource } from "../real/commandLine.ts";
import { newHome } from "../support/repositories.ts";
import { openServer, type ServerProcess } from "../support/serverProcess.ts";

/** Times (ms) after which the server is killed: before the password is hashed, while it is, as it is written, after it. */
const MOMENTS =
  process.env.CRASH === "all" ? Array.from({ length: 40 }, (_, index) => index * 4) : [1, 25, 60];

test("a server that is killed while it is set up has an administrator, or a link that still works", {
  timeout: 300_000,
}, async () => {
  const outcomes: string[] = [];
  for (const moment of MOMENTS) {
    const dir = path.join(await newHome("server"), "server");
    const places = ["--console", "127.0.0.1:0", "--agents", "127.0.0.1:0"];
    const { token } = json<{ token: string }>(await nearsource("server", "init", dir, ...places, "--json"));
    const user = { user: "ada", password: "correct horse battery" };
    let running: ServerProcess = await openServer(dir);
    const end = async () => {
      running.process.kill("SIGKILL");
      await running.ended;
    };
    onTestFinished(end);
    const sent = running.call("POST", "/setup", { token, ...user }).catch(() => undefined);
    await sleep(moment);
    await end();
    const acknowledged = (await sent)?.status === 201;
    running = await openServer(dir);
    const signedIn = (await running.call("POST", "/session", user)).status === 201;
    const setUpNow = (await running.call("POST", "/setup", { token, ...user })).status === 201;
    expect([moment, signedIn, setUpNow]).toEqual([moment, signedIn, !signedIn]);
    if (acknowledged) expect(signedIn).toBe(true);
    outcomes.push(signedIn ? "an administrator" : "a link");
    await end();
  }
  expect(outcomes).toHaveLength(MOMENTS.length);
});
