import { describe, expect, test } from "vitest";
import { KINDS, type Kind } from "../../src/core/content/kind.ts";
import { type HeldSet, relayCatalog } from "../../src/tree/catalog.ts";

const json = (signed: unknown) => Buffer.from(JSON.stringify({ signed }));
const hash = (digit: string) => digit.repeat(64);

interface ContentOptions {
  consistent?: boolean;
  /** The version of role `components` that the snapshot names. */
  named?: number;
}

/** A content repository with one component and one program. */
function contentSet({ consistent = true, named = 3 }: ContentOptions = {}): HeldSet {
  const roles = [
    { name: "components", paths: ["components/*"] },
    { name: "programs", paths: ["programs/*"] },
  ];
  const files = {
    "root.json": { version: 2, consistent_snapshot: consistent },
    "1.root.json": { version: 1, consistent_snapshot: consistent },
    "timestamp.json": { version: 9 },
    "snapshot.json": {
      version: 8,
      meta: {
        "targets.json": { version: 7 },
        "components.json": { version: named },
        "programs.json": { version: 4 },
      },
    },
    "targets.json": { version: 7, targets: {}, delegations: { roles } },
    "components.json": {
      version: 3,
      targets: { "components/av.json": { hashes: { sha256: hash("a"), sha512: hash("b") } } },
    },
    "programs.json": { version: 4, targets: { "programs/agent.json": { hashes: { sha256: hash("c") } } } },
  };
  return {
    files: new Map(Object.entries(files).map(([name, signed]) => [name, json(signed)])),
    documents: new Map([
      ["components/av.json", Buffer.from("av")],
      ["programs/agent.json", Buffer.from("agent")],
      ["components/unsigned.json", Buffer.from("nobody names it")],
    ]),
  };
}

function pathsOf(kinds: Kind[], content: HeldSet = contentSet()): string[] {
  return [...relayCatalog({ content }, kinds, []).keys()].sort();
}

describe("what an Update Agent answers for", () => {
  test("is what was granted, by the names that signed metadata gives, and nothing else", () => {
    expect(pathsOf(["components"])).toEqual([
      "/content/metadata/1.root.json",
      "/content/metadata/2.root.json",
      "/content/metadata/3.components.json",
      "/content/metadata/7.targets.json",
      "/content/metadata/8.snapshot.json",
      "/content/metadata/timestamp.json",
      `/content/targets/components/${hash("a")}.av.json`,
      `/content/targets/components/${hash("b")}.av.json`,
    ]);
  });

  test("is nothing of a repository that no granted kind is in", () => {
    expect(pathsOf([])).toEqual([]);
    expect(pathsOf(["settings"])).toEqual([]);
  });

  test("is nothing while only the root that was shipped is there", () => {
    const { files } = contentSet();
    const shipped = new Map([["root.json", files.get("root.json") as Buffer]]);
    expect(pathsOf([...KINDS], { files: shipped, documents: new Map() })).toEqual([]);
  });

  test("leaves out a role that is of an earlier publication than the snapshot, and what it signed", () => {
    const paths = pathsOf(["components", "programs"], contentSet({ named: 5 }));
    expect(paths.filter((path) => /components|av/.test(path))).toEqual([]);
    expect(paths).toContain(`/content/targets/programs/${hash("c")}.agent.json`);
  });

  test("has names without versions where the repository has no consistent snapshots, none of them lasting", () => {
    const catalog = relayCatalog({ content: contentSet({ consistent: false }) }, ["components"], []);
    expect([...catalog.keys()].filter((path) => !path.includes("root")).sort()).toEqual([
      "/content/metadata/components.json",
      "/content/metadata/snapshot.json",
      "/content/metadata/targets.json",
      "/content/metadata/timestamp.json",
      "/content/targets/components/av.json",
    ]);
    expect(catalog.get("/content/targets/components/av.json")).toMatchObject({ lasting: false });
  });

  test("lasts where the name is of the bytes, and not where it is of whatever is newest", () => {
    const catalog = relayCatalog({ content: contentSet() }, ["components"], []);
    expect(catalog.get("/content/metadata/8.snapshot.json")).toMatchObject({ lasting: true });
    expect(catalog.get("/content/metadata/timestamp.json")).toMatchObject({ lasting: false });
  });

  test("does without a file that is not JSON", () => {
    const { files, documents } = contentSet();
    const torn = new Map([...files, ["components.json", Buffer.from("{")]]);
    expect(pathsOf(["components"], { files: torn, documents })).not.toContain(
      "/content/metadata/3.components.json",
    );
  });
});

describe("the objects", () => {
  const object = (digit: string, length = 10) => ({ sha256: hash(digit), length });
  const manifest = (kind: "components" | "programs", releases: ReturnType<typeof release>[]) => ({
    kind,
    name: "x",
    releases,
  });
  const release = (number: number, ...files: Record<string, unknown>[]) => ({
    release: number,
    version: `${number}`,
    files: files.map((file, index) => ({ path: `f${index}`, ...file })) as never[],
  });
  const objectsOf = (kinds: Kind[], ...manifests: ReturnType<typeof manifest>[]) =>
    [...relayCatalog({}, kinds, manifests).entries()].map(([path, served]) => [
      path.slice(-3),
      "object" in served ? served.object : expect.fail("a document"),
    ]);

  test("of every release are served, those of the newest and the ways to it ahead of demand", () => {
    const alternatives = [{ format: "dcz", base: hash("1"), ...object("3", 4) }];
    const newest = release(2, { ...object("2"), alternatives });
    const found = objectsOf(["components"], manifest("components", [newest, release(1, object("1"))]));
    expect(found).toMatchObject([
      ["222", { length: 10, current: true, kinds: ["components"] }],
      ["333", { length: 4, current: true }],
      ["111", { length: 10, current: false }],
    ]);
  });

  test("of a kind that is not granted are not served", () => {
    expect(objectsOf(["components"], manifest("programs", [release(1, object("1"))]))).toEqual([]);
  });

  test("that several manifests name are one, current where any is, with the blocks that any names", () => {
    const blocks = { size: 4, sha256: [hash("7"), hash("8"), hash("9")] };
    const found = objectsOf(
      ["components", "programs"],
      manifest("components", [release(2, object("2")), release(1, { ...object("1"), blocks })]),
      manifest("programs", [release(1, object("1"))]),
    );
    expect(found).toMatchObject([
      ["222", { kinds: ["components"] }],
      ["111", { current: true, kinds: ["components", "programs"], blocks }],
    ]);
  });
});
