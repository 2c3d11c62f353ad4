import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test, vi } from "vitest";
import { createLogFile } from "../../src/config/logFile.ts";
import { openResidentLog } from "../../src/config/residentLog.ts";
import { openRunLog } from "../../src/config/runLog.ts";
import { newFolder } from "../support/world.ts";

const MOST = 10_485_760;

async function newFile(): Promise<string> {
  return path.join(await newFolder(), "logs", "n.log");
}

const never = (error: Error) => expect.unreachable(error.message);

describe("a log file", () => {
  test("is put away at 10 MB, and of five files the oldest goes", async () => {
    const file = await newFile();
    const log = createLogFile(file, never);
    for (let age = 1; age <= 7; age++) {
      log.append(`the first of ${age}`);
      await fs.truncate(file, MOST);
    }
    log.append("the newest");
    const names = (await fs.readdir(path.dirname(file))).sort();
    expect(names).toEqual(["n.log", "n.log.1", "n.log.2", "n.log.3", "n.log.4"]);
    const first = async (name: string) => {
      const text = await fs.readFile(path.join(path.dirname(file), name), "utf8");
      return text.slice(0, text.indexOf("\n"));
    };
    expect(await Promise.all(names.map(first))).toEqual([
      "the newest",
      ...[7, 6, 5, 4].map((age) => `the first of ${age}`),
    ]);
  });

  test("loses no line when two write to it and put it away", async () => {
    const file = await newFile();
    const two = [createLogFile(file, never), createLogFile(file, never)];
    for (const log of two) log.append("before");
    await fs.truncate(file, MOST);
    for (let round = 0; round < 50; round++) for (const log of two) log.append("after");
    expect(await fs.readFile(file, "utf8")).toBe("after\n".repeat(100));
    expect((await fs.stat(`${file}.1`)).size).toBe(MOST);
  });

  test("goes on after somebody else has put it away, or deleted it", async () => {
    const file = await newFile();
    const log = createLogFile(file, never);
    log.append("one");
    await fs.rename(file, `${file}-elsewhere`);
    log.append("two");
    await fs.rm(path.dirname(file), { recursive: true });
    log.append("three");
    expect(await fs.readFile(file, "utf8")).toBe("three\n");
  });

  test("grows on where it cannot be put away", async () => {
    const file = await newFile();
    const log = createLogFile(file, never);
    log.append("before");
    await fs.truncate(file, MOST);
    for (const age of [1, 2, 3, 4]) await fs.mkdir(path.join(`${file}.${age}`, "full"), { recursive: true });
    log.append("after");
    expect((await fs.stat(file)).size).toBe(MOST + "after\n".length);
  });

  test("tells a failure once, and again after it had come right", async () => {
    const file = await newFile();
    const told: string[] = [];
    const log = createLogFile(file, ({ message }) => told.push(message));
    const stand = async () => await fs.mkdir(file, { recursive: true });
    await stand();
    for (let at = 0; at < 5; at++) log.append("lost");
    await fs.rmdir(file);
    log.append("kept");
    await fs.rm(file);
    await stand();
    log.append("lost");
    expect(told).toEqual([expect.stringContaining("EISDIR"), expect.stringContaining("EISDIR")]);
  });
});

describe.for(["of a run", "of the agent"] as const)("the log %s", (whose) => {
  const HOSTILE = "\u001b]0;title\u0007\nnext \u009b2J";
  const open = (file: string) => {
    const log = { level: "info", file } as const;
    return whose === "of a run"
      ? openRunLog(log, "info")
      : { ...openResidentLog(log, "info"), close: async () => {} };
  };

  test("is put away like the other's", async () => {
    const file = await newFile();
    createLogFile(file, never).append("before");
    await fs.truncate(file, MOST);
    const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const log = open(file);
    log.info("after");
    await log.close();
    stderr.mockRestore();
    expect(await fs.readFile(file, "utf8")).toMatch(/^\{.*"after".*\}\n$/);
    expect((await fs.stat(`${file}.1`)).size).toBe(MOST);
  });

  test("has the same lines in its file, of its level and those before it", async () => {
    const file = await newFile();
    const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const log = open(file);
    log.error("%s is lost", { code: "X", at: { line: 1 }, level: "mine" });
    log.warn("two\nlines");
    log.info("said");
    log.debug("not said");
    await log.close();
    stderr.mockRestore();
    const text = (await fs.readFile(file, "utf8")).replaceAll(/"timestamp":"\d{4}-[^"]+Z"/g, "T");
    expect(text.split("\n")).toEqual([
      '{"code":"X","at":{"line":1},"level":"error","message":"%s is lost",T}',
      '{"level":"warn","message":"two\\nlines",T}',
      '{"level":"info","message":"said",T}',
      "",
    ]);
  });

  test("drives no terminal, and has one line for each message", async () => {
    const file = await newFile();
    let shown = "";
    const stderr = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      shown += text;
      return true;
    });
    const log = open(file);
    log.info(HOSTILE, { url: HOSTILE });
    await log.close();
    stderr.mockRestore();
    // The logger of a run writes to the test runner's own stderr.
    if (whose === "of the agent") expect(shown).toBe("\\u001b]0;title\\u0007 next \\u009b2J\n");
    const text = await fs.readFile(file, "utf8");
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    expect(JSON.parse(text)).toMatchObject({ level: "info", message: HOSTILE, url: HOSTILE });
  });
});

test("the log of the agent says lines that are alike ten times a minute", async () => {
  const file = await newFile();
  const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const log = openResidentLog({ level: "info", file }, "info");
  for (let at = 0; at < 5_000; at++) log.warn(`refreshing content: ua-${at} refused the connection`);
  expect(stderr.mock.calls).toHaveLength(10);
  stderr.mockRestore();
  expect((await fs.readFile(file, "utf8")).split("\n")).toHaveLength(11);
});
