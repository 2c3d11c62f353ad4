import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { makeTargets } from "./targets.ts";

test("every reader of what others write is a target", () => {
  expect(makeTargets("/nowhere").map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      "address",
      "range",
      "source-list",
      "policy",
      "config",
      "dns",
      "manifest",
      "content-range",
      "retry-after",
      "growth",
      "server-json",
      "enrolment-token",
      "enrolment",
      "report",
      "api-bodies",
    ]),
  );
});

test("npm run fuzz reaches every target, however short the time is", async () => {
  const targets = ["address", "range", "manifest", "dns", "config"];
  const args = targets.flatMap((name) => ["--target", name]);
  const child = spawn(process.execPath, ["test/fuzz/fuzz.ts", "--seconds", "0.01", ...args]);
  onTestFinished(() => void child.kill("SIGKILL"));
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    printed += piece;
  });
  expect(await once(child, "close")).toEqual([0, null]);
  const reached = [...printed.matchAll(/^(\S+) +[1-9]\d* inputs/gm)].map(([, name]) => name);
  expect(reached).toEqual(targets);
});
