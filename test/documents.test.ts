import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { configSchema } from "../src/config/configSchema.ts";

/** The pages that are written for people: those in the project's own folder, and everything below docs and test. */
const PAGES = [
  ...readdirSync(".").filter((name) => name.endsWith(".md")),
  ...["docs", "test"].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md"))
      .map((name) => path.join(folder, name)),
  ),
];

/** The files of code. */
const CODE = ["src", "test", "bench", "fixtures"].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => path.join(folder, name)),
);

test.each(PAGES)("%s says nothing twice", (page) => {
  expect(repeated(readFileSync(page, "utf8"))).toEqual([]);
});

test.each(PAGES)("%s links to files and headings that are there", (page) => {
  const links = [...readFileSync(page, "utf8").matchAll(/\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
  const lost = links.filter(([, file = "", heading]) => {
    const place = file === "" ? page : path.join(path.dirname(page), file);
    return !existsSync(place) || (heading !== undefined && !headingsOf(place).includes(heading));
  });
  expect(lost.map(([link]) => link)).toEqual([]);
});

test.each(PAGES)("%s names files of code that are there", (page) => {
  const named = [...readFileSync(page, "utf8").matchAll(/`((?:[\w-]+\/)+[\w.]+\.ts)`/g)];
  const lost = named.filter(([, file = ""]) => !CODE.some((each) => `/${each}`.endsWith(`/${file}`)));
  expect(lost.map(([, file]) => file)).toEqual([]);
});

test("the design has each section that comments and pages cite", () => {
  const sections = headingsOf("docs/design.md").flatMap((heading) => /^\d+/.exec(heading) ?? []);
  const sources = ["src", "test", "bench", "docs"].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(ts|md)$/.test(name))
      .map((name) => readFileSync(path.join(folder, name), "utf8")),
  );
  const cited = sources.flatMap((text) => [...text.matchAll(/docs\/design\.md §(\d+)/g)]);
  expect(cited.map(([, section]) => section).filter((each = "") => !sections.includes(each))).toEqual([]);
  expect(cited.length).toBeGreaterThan(10);
});

/** The headings of a page as links name them: `#where-things-are`. */
function headingsOf(page: string): string[] {
  const headings = readFileSync(page, "utf8").match(/^#+ .*$/gm) ?? [];
  return headings.map((heading) =>
    heading
      .replace(/^#+ /, "")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

test("the test plan names tests and fixtures that exist", () => {
  const rows = readFileSync("docs/test-plan.md", "utf8").split("\n");
  const missing = rows.flatMap((row) => {
    const fixture = /^\| [^|]+ \| `(\d\d-[^`]+)` \|/.exec(row)?.[1];
    const lost = fixture === undefined || existsSync(`fixtures/branches/${fixture}`) ? [] : [fixture];
    return [...lost, ...namedTests(row).filter(({ file, name }) => !isTest(file, name))];
  });
  expect(missing).toEqual([]);
  expect(rows.flatMap(namedTests).length).toBeGreaterThan(100);
});

test("each key of the configuration has a row in its page, and no other has one", () => {
  const [page = ""] = readFileSync("docs/configuration.md", "utf8").split("\n## Who may write it");
  const cells = [...page.matchAll(/^\| (`[^|]+`) \|/gm)].map(([, cell = ""]) => cell);
  const rows = cells.flatMap((cell) => [...cell.matchAll(/`([\w.]+)`/g)].map(([, key = ""]) => key));
  const keys = keysOf(configSchema((file) => file) as Shape);
  expect(keys.length).toBeGreaterThan(40);
  expect(
    keys.filter((key) => !rows.some((row) => row === key || (row.startsWith(".") && key.endsWith(row)))),
  ).toEqual([]);
  expect(rows.filter((row) => !keys.some((key) => key.endsWith(row)))).toEqual([]);
});

/** A part of the schema: a section is a pipe, whose last schema has both its keys and what they may be. */
interface Shape {
  wrapped?: Shape;
  pipe?: readonly Shape[];
  options?: readonly Shape[];
  entries?: Record<string, Shape>;
}

function keysOf(shape: Shape, above = ""): string[] {
  const { pipe = [] } = shape.wrapped ?? shape;
  const entries = pipe.flatMap(({ options = [] }) => options).find((option) => option.entries)?.entries;
  if (entries === undefined) return [above];
  return Object.entries(entries).flatMap(([key, inner]) =>
    keysOf(inner, above === "" ? key : `${above}.${key}`),
  );
}

/** The tests that a row names: `http/range.test.ts`: "one", "another". */
function namedTests(row: string): { file: string; name: string }[] {
  const lists = row.matchAll(/`([\w./]+\.test\.ts)`: ((?:"[^"]+"(?:, )?)+)/g);
  return [...lists].flatMap(([, file = "", names = ""]) =>
    [...names.matchAll(/"([^"]+)"/g)].map(([, name = ""]) => ({ file, name })),
  );
}

function isTest(file: string, name: string): boolean {
  const place = path.join("test", file);
  return existsSync(place) && readFileSync(place, "utf8").includes(name);
}

/** Points of a list that begin alike, and rows of a table that do: what a merge leaves behind. */
function repeated(page: string): string[] {
  let seen = new Set<string>();
  return page.split("\n").filter((line) => {
    if (!/^(\| |- | {2})/.test(line)) seen = new Set();
    const key = /^\| `[^|]+\|[^|]+\|/.exec(line)?.[0] ?? /^- .{80}/.exec(line)?.[0];
    if (key === undefined) return false;
    const isRepeated = seen.has(key);
    seen.add(key);
    return isRepeated;
  });
}
