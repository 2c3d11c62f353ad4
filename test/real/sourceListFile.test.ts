import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSource, type TestSource } from "../support/source.ts";
import { expectInstalled, makeAgent, makeWorld, runUpdate, type World } from "../support/world.ts";

let world: World;
let source: TestSource;
beforeAll(async () => {
  world = await makeWorld();
  source = await startSource(world.www(2));
});
afterAll(async () => {
  await source.close();
  await world.remove();
});

const list = (more: object = {}, entry: object = {}) => ({
  version: 1,
  entries: [{ range: "127.0.0.0/8", name: "good", url: source.url, ...entry }],
  serverFallback: { enabled: false },
  ...more,
});

/** One run of an agent whose source list is these bytes. */
async function updateWith(bytes: string | Buffer) {
  const agent = await makeAgent(world, { sources: {}, installed: 1 });
  await fs.writeFile(path.join(agent.folder, "list.json"), bytes);
  return { agent, ended: runUpdate(agent) };
}

const pretty = (value: object) => JSON.stringify(value, undefined, 2);

/** Files that editors and tools write, none of which is wrong. */
const readable: [what: string, bytes: () => string | Buffer][] = [
  ["begins with a byte order mark", () => `\uFEFF${pretty(list())}`],
  ["ends its lines in CRLF", () => pretty(list()).replaceAll("\n", "\r\n")],
  [
    "ends its lines in CRLF after a byte order mark",
    () => `\uFEFF${pretty(list())}`.replaceAll("\n", "\r\n"),
  ],
  ["has a line of 100 kB", () => JSON.stringify(list({ note: "x".repeat(100_000) }))],
  ["has 100 kB of blanks", () => `${" ".repeat(100_000)}${pretty(list())}`],
  ["has a lone surrogate in a field that nobody knows", () => pretty(list({ note: "\ud800" }))],
];

/** Files that are refused whole, and what is said about them. */
const refused: [what: string, bytes: () => string | Buffer, said: RegExp][] = [
  ["is cut off", () => pretty(list()).slice(0, -9), /JSON/],
  ["is in UTF-16", () => Buffer.from(`\uFEFF${pretty(list())}`, "utf16le"), /JSON/],
  ["has a NUL between its fields", () => pretty(list()).replace(",", ",\0"), /JSON/],
  ["has a NUL in a range", () => pretty(list({}, { range: "127.0.0.1\0" })), /entries\[0\]\.range/],
  ["has a NUL in a URL", () => pretty(list({}, { url: "http://a\0b.test" })), /entries\[0\]\.url/],
  ["has a lone surrogate in a range", () => pretty(list({}, { range: "\udfff" })), /entries\[0\]\.range/],
  ["has a range of 100 kB", () => pretty(list({}, { range: "1".repeat(100_000) })), /entries\[0\]\.range/],
  [
    "has a URL of no host in 100 kB",
    () => pretty(list({}, { url: `ftp://${"a".repeat(100_000)}` })),
    /entries\[0\]\.url/,
  ],
  ["has a name of 100 kB", () => pretty(list({}, { name: "n".repeat(100_000) })), /entries\[0\]\.name/],
  ["has a name of two lines", () => pretty(list({}, { name: "one\ntwo" })), /entries\[0\]\.name/],
  [
    "has a name that paints the terminal",
    () => pretty(list({}, { name: "\u001b[31m" })),
    /entries\[0\]\.name/,
  ],
  ["has a lone surrogate in a name", () => pretty(list({}, { name: "a\ud800" })), /entries\[0\]\.name/],
];

describe.concurrent("a source list that", () => {
  test.for(readable)("%s is read", async ([, bytes]) => {
    const { agent, ended } = await updateWith(bytes());
    expect((await ended).report).toMatchObject({ outcome: "updated", attempts: [{ name: "good" }] });
    await expectInstalled(agent, 2);
  });

  test.for(refused)("%s is refused, in a few words that name the place", async ([, bytes, said]) => {
    const { agent, ended } = await updateWith(bytes());
    const error = await ended.catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "SOURCE_LIST_INVALID", message: expect.stringMatching(said) });
    expect(error.message.length).toBeLessThan(1_000);
    expect(error.message).not.toContain("\u001b");
    await expectInstalled(agent, 1);
  });
});
