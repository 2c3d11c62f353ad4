import { execFile } from "node:child_process";
import { promises as fs } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import type { DataDir } from "../../../src/store/dataDir.ts";
import { openState, readState, writeState } from "../../../src/store/state/state.ts";
import type { State } from "../../../src/store/state/stateFormat.ts";
import { newDataDir } from "../../support/world.ts";

const STATE: State = {
  agentId: "0b5c9a3e-4a57-4b35-9f0e-2d3d6f6f1c11",
  clockFloor: "2026-11-23T00:00:00.000Z",
  fresh: { content: "2026-11-23T00:00:01.000Z" },
  failed: { "components/rules": 7 },
  etags: { "content 7 http://ua:21112": '"abc"' },
};

const STATE_MODULE = pathToFileURL(path.resolve("src/store/state/state.ts")).href;

const file = (dirs: DataDir) => path.join(dirs.root, "state.json");

describe("the state", () => {
  test("comes back as it was written, in a file for its owner alone", async () => {
    const dirs = await newDataDir();
    await writeState(dirs, STATE);
    expect(await readState(dirs)).toEqual(STATE);
    expect((await fs.stat(file(dirs))).mode & 0o777).toBe(0o600);
    expect((await fs.readdir(dirs.root)).filter((name) => name.startsWith("state"))).toEqual(["state.json"]);
  });

  test("of a new agent has an id of its own, which stays once it is opened", async () => {
    const dirs = await newDataDir();
    const { agentId } = await openState(dirs);
    expect(agentId).toMatch(/^[0-9a-f-]{36}$/);
    expect((await openState(dirs)).agentId).toBe(agentId);
    expect((await openState(await newDataDir())).agentId).not.toBe(agentId);
  });

  test("is not written by reading", async () => {
    const dirs = await newDataDir();
    await readState(dirs);
    await expect(fs.stat(file(dirs))).rejects.toThrow("ENOENT");
  });

  test("torn at whatever byte is read as a new one or as it was, and can be written again", async () => {
    const dirs = await newDataDir();
    await writeState(dirs, STATE);
    const whole = await fs.readFile(file(dirs));
    for (let length = 0; length <= whole.length; length++) {
      await fs.writeFile(file(dirs), whole.subarray(0, length));
      const state = await readState(dirs);
      if (state.agentId === STATE.agentId) expect(state).toEqual(STATE);
      else expect(state).toMatchObject({ fresh: {}, failed: {}, etags: {} });
    }
    await fs.writeFile(file(dirs), whole.subarray(0, 40));
    await writeState(dirs, STATE);
    expect(await readState(dirs)).toEqual(STATE);
  });

  const strange: [what: string, text: string | Buffer][] = [
    ["zeros, as a power loss leaves them", Buffer.alloc(500)],
    ["garbage", Buffer.from("fffefd", "hex")],
    ["null", "null"],
    ["a list", "[1, 2]"],
    ["text", '"state"'],
    ["an id that is a number", JSON.stringify({ ...STATE, agentId: 7 })],
    ["an id that is empty", JSON.stringify({ ...STATE, agentId: "" })],
    ["a hold that is text", JSON.stringify({ ...STATE, failed: { "components/rules": "7" } })],
    ["a list of ETags", JSON.stringify({ ...STATE, etags: ["x"] })],
    ["a floor that is a number", JSON.stringify({ ...STATE, clockFloor: 5 })],
  ];

  test.for(strange)("with %s in its place is a new one", async ([, text]) => {
    const dirs = await newDataDir();
    await fs.writeFile(file(dirs), text);
    const state = await openState(dirs);
    expect(state).toMatchObject({ fresh: {}, failed: {}, etags: {} });
    expect(state.agentId).toMatch(/^[0-9a-f-]{36}$/);
    await writeState(dirs, STATE);
    expect(await readState(dirs)).toEqual(STATE);
  });

  test("is not written through a symbolic link, nor read through one", async () => {
    const dirs = await newDataDir();
    const victim = path.join(path.dirname(dirs.root), "victim.json");
    await fs.writeFile(victim, "{}");
    await fs.symlink(victim, file(dirs));
    await expect(writeState(dirs, STATE)).rejects.toMatchObject({ code: "STORAGE_UNSAFE" });
    await expect(readState(dirs)).rejects.toMatchObject({ code: "STORAGE_UNSAFE" });
    expect(await fs.readFile(victim, "utf8")).toBe("{}");
  });

  test.skipIf(process.platform === "win32")(
    "of which a full disk takes only a part is refused, and the one before stays as it was",
    async () => {
      const dirs = await newDataDir();
      await writeState(dirs, STATE);
      // A file may not be longer than a limit: the write is cut short, as on a disk that fills up.
      const script = `
        process.on("SIGXFSZ", () => {});
        const { writeState } = await import(${JSON.stringify(STATE_MODULE)});
        const etags = { large: "x".repeat(5_000) };
        await writeState(${JSON.stringify(dirs)}, { ...${JSON.stringify(STATE)}, etags })
          .then(() => console.log("written"), (error) => console.log(error.phase, error.code));`;
      // Compiled code would be kept under that limit too, which ends the process.
      const command = 'unset NODE_COMPILE_CACHE; ulimit -f 1; exec "$0" --input-type=module --eval "$1"';
      const { stdout } = await promisify(execFile)("bash", ["-c", command, process.execPath, script]);
      expect(stdout).toMatch(/^storage /);
      expect(await readState(dirs)).toEqual(STATE);
    },
  );

  test("that cannot be written is an error of the storage", async () => {
    const dirs = await newDataDir();
    await fs.mkdir(file(dirs));
    await expect(writeState(dirs, STATE)).rejects.toMatchObject({ phase: "storage" });
  });
});
