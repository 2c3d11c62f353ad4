import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { DISPOSITIONS } from "../src/core/order/disposition.ts";
import { CLAUSES } from "../src/core/order/plan.ts";
import { type ErrorCode, PHASE_OF } from "../src/errors.ts";

const ROOT = path.join(import.meta.dirname, "..");
const SRC = path.join(ROOT, "src");

/** The rooms, each with those that it may import from (docs/design.md §9): those on the lines below its own. */
const LINES = [
  ["main", "library", "packaging"],
  ["cli"],
  ["server"],
  ["agent", "relay", "publisher"],
  ["update"],
  ["tree"],
  ["source"],
  ["tuf", "delta"],
  ["http"],
  ["config"],
  ["dns", "store"],
  // The page stands beside all of it: `only the page uses the page`, below.
  ["console"],
  ["core"],
  ["errors", "version"],
];

/** Packages that only compute: the ones `core` may use. */
const PURE_PACKAGES = ["ipaddr.js", "valibot", "dns-packet", "croner", "leven", "papaparse"];

/** Names that make a function's result depend on more than its arguments. */
const IMPURE = [
  /\bDate\.now\b/,
  /\bnew Date\(\s*\)/,
  /\bperformance\b/,
  /\bMath\.random\b/,
  /\bcrypto\b/,
  /\bprocess\./,
  /\bset(Timeout|Interval|Immediate)\b/,
  /\bqueueMicrotask\b/,
  /\bfetch\(/,
  /\bconsole\./,
  /\bglobalThis\b/,
];

/** TypeScript files below `src`, relative to it. */
const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((file) => /\.(?:ts|svelte)$/.test(file))
  .map((file) => file.replaceAll(path.sep, "/"))
  .sort();

/** `io` for `http/client.ts`, `errors` for `errors.ts`. */
const layerOf = (file: string) => file.split("/")[0]?.replace(/\.ts$/, "") ?? "";

function read(...place: string[]): string {
  return readFileSync(path.join(...place), "utf8");
}

/** `import … from "x"`, `export … from "x"`, `import "x"` and `import("x")`. */
const IMPORT =
  /^(?:import|export) (?:type )?(?:[\w$]+(?:, )?)?(?:\{[^}]*\}|\*(?: as [\w$]+)?)? ?from "([^"]+)"|^import "([^"]+)"|\bimport\("([^"]+)"\)/gm;

/**
 * The imports of a file: other files relative to `src`, packages by their name; and the files without those
 * of types alone.
 */
function importsOf(file: string): { files: string[]; values: string[]; packages: string[] } {
  const imports = [...read(SRC, file).matchAll(IMPORT)].map(([text, from, bare, dynamic]) => ({
    specifier: from ?? bare ?? dynamic ?? "",
    isType: /^(?:import|export) type /.test(text),
  }));
  const isFile = ({ specifier }: { specifier: string }) => specifier.startsWith(".");
  const place = ({ specifier }: { specifier: string }) =>
    path.posix.join(path.posix.dirname(file), specifier);
  const others = imports.filter(isFile);
  return {
    files: others.map(place),
    values: others.filter(({ isType }) => !isType).map(place),
    packages: imports.filter((each) => !isFile(each)).map(({ specifier }) => specifier),
  };
}

/** The text without comments, roughly: a `//` within a string is cut off too. */
function codeOf(file: string): string {
  return read(SRC, file)
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/\/\/.*$/gm, "");
}

describe("the parts of the program (docs/design.md §9)", () => {
  const lineOf = (file: string) => LINES.findIndex((line) => line.includes(layerOf(file)));

  test.for(files)("%s imports only from its own room and those below", (file) => {
    const others = importsOf(file).files.filter((each) => layerOf(each) !== layerOf(file));
    const wrong = others.filter((each) => lineOf(each) <= lineOf(file));
    expect(lineOf(file), `${layerOf(file)} is not one of the rooms`).not.toBe(-1);
    expect(wrong).toEqual([]);
  });

  test("use nothing of the page, which is made of itself and of what decides", () => {
    const users = files.filter((file) => importsOf(file).files.some((each) => layerOf(each) === "console"));
    expect(users.filter((file) => layerOf(file) !== "console")).toEqual([]);
  });

  test("are where their imports say: every imported file is there", () => {
    const missing = files.flatMap((file) => importsOf(file).files.filter((each) => !files.includes(each)));
    // Styles are no part of the program.
    expect(missing.filter((each) => !each.endsWith(".css"))).toEqual([]);
  });

  test("have no two files of one name: whoever is told a name finds one file", () => {
    const names = files.map((file) => path.posix.basename(file));
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  test("are rooms of 3 to 17 files, each of which says what is in it", () => {
    const rooms = Map.groupBy(files, (file) => path.posix.dirname(file));
    // Steps that brought a database on stay, each as it was.
    rooms.delete("server/store/migrations");
    const odd = [...rooms].filter(([, { length }]) => length < 2 || length > 17);
    expect(odd.map(([room, { length }]) => `${room}: ${length}`)).toEqual([]);
  });

  test("import each other in no circle, not even for a type", () => {
    const left = new Map(files.map((file) => [file, importsOf(file).files]));
    for (let before = -1; left.size !== before; ) {
      before = left.size;
      for (const [file, imports] of left) if (!imports.some((each) => left.has(each))) left.delete(file);
    }
    expect([...left.keys()]).toEqual([]);
  });

  test("are commented so that the first word names the thing", () => {
    const clause =
      /(?:\/\*\*|\/\/|^ +\*) (?:What|Whatever|Who|Whoever|Whom|Whose|Which|Whichever|Where|How|Why) /;
    const lines = files.flatMap((file) =>
      read(SRC, file)
        .split("\n")
        .map((line) => `${file}: ${line.trim()}`),
    );
    const begins = lines.filter((line) => clause.test(line) && !/^[^:]*: \* /.test(line));
    expect(begins).toEqual([]);
  });

  test("have no place for odds and ends, and no file that only passes others on", () => {
    const names = files.flatMap((file) => file.replace(/\.ts$/, "").split("/"));
    const shapeless = names.filter((name) => /^(utils?|helpers?|common|misc|shared|lib|index)$/i.test(name));
    expect(shapeless).toEqual([]);
  });
});

describe("what decides is plain functions of plain data:", () => {
  const PURE = [
    "core/**",
    "dns/{answer,chain}.ts",
    "http/{range,via,retryAfter,relayState,sender,connect/proxy}.ts",
    "tuf/{entityTag,notification,versionRecord}.ts",
    "delta/*Format.ts",
    "tree/catalog.ts",
  ];
  const isPure = (file: string) => PURE.some((glob) => path.posix.matchesGlob(file, glob));

  test.for(files.filter(isPure))("%s", (file) => {
    const { packages, values } = importsOf(file);
    expect(packages.filter((name) => !PURE_PACKAGES.includes(name))).toEqual([]);
    expect(values.filter((each) => each !== "errors.ts" && !isPure(each))).toEqual([]);
    const code = codeOf(file);
    expect(IMPURE.filter((pattern) => pattern.test(code))).toEqual([]);
  });
});

test.for(files.filter((file) => file.startsWith("core/")))(
  "%s also runs in a browser, where Node has nothing to offer",
  (file) => {
    expect(codeOf(file)).not.toMatch(/\bBuffer\b|"node:/);
  },
);

/** The cells of the rows that begin with a code, in a page's tables. */
function tableRows(page: string): string[][] {
  const rows = page.match(/^\| `[^`]+` \|.*$/gm) ?? [];
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

describe("docs/errors.md", () => {
  const page = () => tableRows(read(ROOT, "docs", "errors.md"));
  const THEN = { "retry here": "retry here", "next source": "next", stop: "stop" };

  test("has a row for every code, and none for a code that there is not", () => {
    const codes = page().map(([code]) => code);
    expect(codes.sort()).toEqual(Object.keys(PHASE_OF).sort());
  });

  test.for(Object.keys(PHASE_OF) as ErrorCode[])("says of %s what the tables in the code say", (code) => {
    const row = page().find(([each]) => each === code) ?? [];
    const { action, ends, lie = false } = DISPOSITIONS[code];
    expect([row[1], row[3], row[4]]).toEqual([PHASE_OF[code], THEN[action], ends]);
    expect(row[2]?.startsWith("**A lie**")).toBe(lie);
  });
});

test("docs/update-order.md has a row for every clause of the order, and none for a clause that there is not", () => {
  const rows = read(ROOT, "docs", "update-order.md").matchAll(/^\| \*\*([^*]+)\*\* \|/gm);
  expect([...rows].map(([, clause]) => clause).sort()).toEqual([...CLAUSES].sort());
});

test("docs/test-plan.md names every branch of the update order that is replayed, and no other", () => {
  const branches = readdirSync(path.join(ROOT, "fixtures", "branches")).sort();
  const page = read(ROOT, "docs", "test-plan.md");
  const named = [...page.matchAll(/\b\d\d-[a-z][a-z0-9]*(?:-[a-z0-9]+)*\b/g)].map(([slug]) => slug);
  expect([...new Set(named)].sort()).toEqual(branches);
});

describe("docs/test-plan.md, the fault catalogue:", () => {
  const page = read(ROOT, "docs", "test-plan.md");
  const LAST = { A: 47, B: 9, C: 24, D: 5, E: 13, F: 14, G: 9, H: 9 };
  const rows = [...page.matchAll(/^\| ([A-H]\d[^|]*) \|/gm)].map(([, cases = ""]) => cases);

  /** `A3` and the like of a cell such as `F1, F3–F7`. */
  function casesOf(cell: string): string[] {
    return cell.split(", ").flatMap((each) => {
      const [, group = "", first, last = first] = each.match(/^([A-H])(\d+)(?:–[A-H](\d+))?$/) ?? [];
      const count = Number(last) - Number(first) + 1;
      return Array.from({ length: count }, (_, index) => `${group}${Number(first) + index}`);
    });
  }

  test("has every case once", () => {
    const all = Object.entries(LAST).flatMap(([group, last]) => casesOf(`${group}1–${group}${last}`));
    expect(rows.flatMap(casesOf).sort()).toEqual(all.sort());
  });

  const quoted = [...page.matchAll(/`([\w/]+\.test\.ts)`: "([^"]+)"/g)];

  test.for(quoted.map(([, file = "", words = ""]) => [file, words] as const))(
    "%s has a test of the words %j",
    ([file, words]) => {
      expect(read(ROOT, "test", file)).toContain(words);
    },
  );
});
