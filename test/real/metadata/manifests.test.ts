import { describe, expect, test } from "vitest";
import { addComponent, addTarget, bump, type Draft, type Json } from "../../support/otherPublisher.ts";
import { startSource } from "../../support/source.ts";
import { expectInstalled, makeAgent, noise, runUpdate, sha256, sharedWorld } from "../../support/world.ts";
import { copyOf, type Forgery, meetForgery, ownKeys, redrafting } from "./forge.ts";

const stage = sharedWorld();

const FILE = noise("file", 100);
const file = { path: "rules.dat", length: FILE.length, sha256: sha256(FILE) };
const release = { release: 9, version: "9.0", files: [file] };
const manifest = { kind: "components", name: "rules", releases: [release] };

/** A publication in which something is wrong, and which its publisher signed all the same. */
function signing(change: (draft: Draft) => void): Forgery["forge"] {
  return redrafting((draft) => {
    bump(draft, "components", "snapshot", "timestamp");
    change(draft);
  });
}

/** Signs `content` as the manifest of `rules`. */
const manifestOf = (content: Json | Buffer) =>
  signing((draft) => {
    addTarget(draft, "components", "components/rules.json", content);
  });

const withFile = (change: Json) => ({
  ...manifest,
  releases: [{ ...release, files: [{ ...file, ...change }] }],
});
const withFiles = (...paths: string[]) => ({
  ...manifest,
  releases: [{ ...release, files: paths.map((path) => ({ ...file, path })) }],
});
const withRelease = (change: Json) => ({ ...manifest, releases: [{ ...release, ...change }] });
const blocks = (size: number, count: number) => ({
  blocks: { size, sha256: Array(count).fill("a".repeat(64)) },
});

const names = ["dot.", "a\0b", "ä", "a b", "a\\b", "x".repeat(300), "con", "lpt1.dat", "C:"];

const paths = [
  "../../etc/passwd",
  "/etc/passwd",
  "a/../b",
  "a\\b",
  "C:\\x",
  "\\\\server\\share",
  "a/.git/config",
  "a\0b",
  "",
  "a/aux/b",
  Array(25).fill("0123456789").join("/"),
];

const documents: [what: string, content: Json | Buffer][] = [
  ["no JSON", Buffer.from("{")],
  ["no UTF-8", Buffer.from([0xff, 0xfe])],
  ["null", Buffer.from("null")],
  ["a list", Buffer.from(JSON.stringify([manifest]))],
  ["of another component", { ...manifest, name: "other" }],
  ["of another kind", { ...manifest, kind: "programs" }],
  ["without releases", { ...manifest, releases: [] }],
  [
    "with 1,001 releases",
    {
      ...manifest,
      releases: Array.from({ length: 1_001 }, (_, index) => ({ ...release, release: index + 1 })),
    },
  ],
  ["with a release twice", { ...manifest, releases: [release, release] }],
  ["with release 0", withRelease({ release: 0 })],
  ["with half a release", withRelease({ release: 1.5 })],
  ["with a release beyond whole numbers", withRelease({ release: 2 ** 53 })],
  ["with a version of two lines", withRelease({ version: "1\n2" })],
  ["with a version that paints the terminal", withRelease({ version: "\u001b[31m" })],
  ["with a release of no files", withRelease({ files: [] })],
  ["with 10,001 files", withFiles(...Array.from({ length: 10_001 }, (_, index) => `f${index}`))],
  ["with two files of one path", withFiles("a/b", "a/b")],
  ["with two paths that differ in case alone", withFiles("a/B", "A/b")],
  ["with a file that is a folder too", withFiles("a", "a/b")],
  ["with a negative length", withFile({ length: -1 })],
  ["with a length beyond whole numbers", withFile({ length: 2 ** 60 })],
  ["with a hash in capitals", withFile({ sha256: file.sha256.toUpperCase() })],
  ["with a hash that is a path", withFile({ sha256: "../../../../../../etc/passwd".padEnd(64, "0") })],
  ["with too few blocks", withFile(blocks(40, 2))],
  ["with blocks of no size", withFile(blocks(0, 3))],
];

const refused: Forgery[] = [
  ...names.map((name): [string, Forgery["forge"]] => [
    `a component named ${JSON.stringify(name.slice(0, 12))} (${name.length})`,
    signing((draft) => addTarget(draft, "components", `components/${name}.json`, { ...manifest, name })),
  ]),
  ...paths.map((path): [string, Forgery["forge"]] => [
    `a file at ${JSON.stringify(path.slice(0, 20))} (${path.length})`,
    manifestOf(withFiles(path)),
  ]),
  ...documents.map(([what, content]): [string, Forgery["forge"]] => [
    `a manifest ${what}`,
    manifestOf(content),
  ]),
].map(([name, forge]) => ({ name, code: "MANIFEST_INVALID", forge }));

/** Names that the wildcard of a delegation would keep out, signed for where there is no delegation. */
const undelegated: Forgery[] = ["..", ".", ".hidden", "nul.txt", "a".repeat(101)].map((name) => ({
  name: `a component named ${JSON.stringify(name.slice(0, 12))} in its topmost role`,
  code: "MANIFEST_INVALID",
  forge: redrafting((draft) => {
    bump(draft, "targets", "snapshot", "timestamp");
    addTarget(draft, "targets", `components/${name}.json`, { ...manifest, name });
  }),
}));

/** The signed length and hashes of the manifest are not of any use. */
const described = (change: (target: Json) => void) =>
  signing((draft) => {
    addTarget(draft, "components", "components/rules.json", manifest);
    change(draft.roles.components?.targets["components/rules.json"]);
  });

const unproven: Forgery[] = [
  {
    name: "a manifest with nothing but an MD5",
    code: "METADATA_MALFORMED",
    forge: signing((draft) => addTarget(draft, "components", "components/rules.json", manifest, ["md5"])),
  },
  {
    name: "a manifest without a hash",
    code: "METADATA_MALFORMED",
    forge: described((target) => Object.assign(target, { hashes: {} })),
  },
  {
    name: "a manifest whose hash is a path",
    code: "METADATA_MALFORMED",
    forge: described((target) => Object.assign(target, { hashes: { sha256: "../../../timestamp" } })),
  },
  {
    name: "a manifest with an empty hash",
    code: "METADATA_MALFORMED",
    forge: described((target) => Object.assign(target, { hashes: { sha256: "" } })),
  },
  {
    name: "a manifest of a negative length",
    code: "METADATA_MALFORMED",
    forge: described((target) => Object.assign(target, { length: -1 })),
  },
  {
    name: "a manifest of 4 GiB",
    code: "METADATA_TOO_LARGE",
    forge: described((target) => Object.assign(target, { length: 2 ** 32 })),
  },
  {
    name: "a snapshot that is hashed by an algorithm nobody knows",
    code: "METADATA_MISMATCH",
    forge: redrafting((draft) => bump(draft, "snapshot", "timestamp"), {
      last: { timestamp: ({ meta }) => Object.assign(meta["snapshot.json"], { hashes: { rot13: "x" } }) },
    }),
  },
];

describe.concurrent("a source whose publisher signed", () => {
  test.for([...refused, ...undelegated, ...unproven])("$name is passed over: $code", async (forgery) => {
    await meetForgery(stage.world, forgery);
  });
});

/** One run of an agent that has publication 2, with a source that offers what `forge` makes of it. */
async function meetAlone(forge: Forgery["forge"]) {
  const www = await copyOf(stage.world, 2);
  await forge(www, await ownKeys(stage.world));
  const source = await startSource(www);
  const agent = await makeAgent(stage.world, { sources: { only: source.url }, installed: 2 });
  const { report, lines } = await runUpdate(agent);
  await source.close();
  return { agent, report, messages: lines.map(({ message }) => message) };
}

describe.concurrent("what a publisher signed is obeyed:", () => {
  test("a release number that goes back is not installed, and said", async () => {
    const older = { ...manifest, releases: [{ ...release, release: 1 }] };
    const { agent, report, messages } = await meetAlone(manifestOf(older));
    expect(report).toMatchObject({ outcome: "current", exitCode: 0, generation: 1, installed: [] });
    expect(messages).toContain("components/rules stays as it is: newer than offered");
    await expectInstalled(agent, 2);
  });

  test("a component outside of its role's paths is none", async () => {
    const stray = signing((draft) => {
      addTarget(draft, "components", "components/sub/stray.json", { ...manifest, name: "stray" });
      addTarget(draft, "components", "programs/stray.json", { ...manifest, kind: "programs", name: "stray" });
      addTarget(draft, "components", "components/../stray.json", { ...manifest, name: "stray" });
      // The wildcard of a delegation matches no name that begins with a dot.
      for (const name of ["..", ".", ".hidden"])
        addTarget(draft, "components", `components/${name}.json`, { ...manifest, name });
    });
    const { agent, report } = await meetAlone(stray);
    expect(report).toMatchObject({ outcome: "current", exitCode: 0 });
    await expectInstalled(agent, 2);
  });

  test("a component that is gone from the manifests goes from the installed set", async () => {
    const { agent, report } = await meetAlone(
      signing((draft) => {
        delete draft.roles.components?.targets["components/rules.json"];
        addComponent(draft, "other", { release: 1, version: "1", files: { a: FILE } });
      }),
    );
    expect(report).toMatchObject({ outcome: "updated", removed: ["components/rules"], generation: 2 });
    await expect(expectInstalled(agent, 2)).rejects.toThrow();
  });

  test("fields and formats that nobody knows are ignored, at every place", async () => {
    const extra = { x_future: { deep: [1, "2", { three: null }] } };
    const alternatives = [{ format: "quantum", length: 1, sha256: "a".repeat(64) }, { format: 7 }];
    const newer = {
      ...manifest,
      ...extra,
      releases: [{ ...release, ...extra, files: [{ ...file, ...extra, alternatives }] }],
    };
    const forge = redrafting((draft) => {
      bump(draft, "targets", "components", "snapshot", "timestamp");
      draft.objects.push(FILE);
      addTarget(draft, "components", "components/rules.json", newer);
      Object.assign(draft.roles.components?.targets["components/rules.json"], { custom: extra, ...extra });
      Object.assign(draft.roles.targets?.delegations, extra);
      for (const signed of [draft.timestamp, draft.snapshot, ...Object.values(draft.roles)])
        Object.assign(signed, extra);
    });
    const { report } = await meetAlone(forge);
    expect(report).toMatchObject({
      outcome: "updated",
      installed: [{ component: "rules", toVersion: "9.0" }],
    });
  });
});
