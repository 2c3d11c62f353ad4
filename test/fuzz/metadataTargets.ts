import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Metadata, type MetadataKind } from "@tufjs/models";
import fc from "fast-check";
import { NearsourceError } from "../../src/errors.ts";
import type { Fetcher, Response } from "../../src/http/fetcher.ts";
import { toStatusError } from "../../src/http/httpErrors.ts";
import { type Refreshed, refresh } from "../../src/tuf/refresh.ts";
import type { TrustedSet } from "../../src/tuf/trustedSet.ts";
import { readCorpus } from "./corpus.ts";
import { type FuzzTarget, jsonOf, objectOf, unexpected } from "./target.ts";

/**
 * TUF metadata as a source gives it, and as it lies on disk. Its signatures cannot be made anew, so
 * the honest publication is the `good-…` part of the corpus itself (`makeMetadata.ts` made it), and an
 * input is one file put in the place of another: a line with its name, then its bytes.
 */
export function metadataTargets(scratch: string): FuzzTarget[] {
  const served = publicationIn("metadata");
  const held = publicationIn("metadata-cache");
  const folder = path.join(scratch, "metadata");
  mkdirSync(folder, { recursive: true });
  const site: Site = { folder, served, held };
  return [
    { name: "metadata", json: true, made: madeFile(served), check: (input) => checkServed(site, input) },
    { name: "metadata-cache", json: true, made: madeFile(held), check: (input) => checkHeld(site, input) },
  ];
}

type Files = ReadonlyMap<string, Buffer>;

/**
 * The files that the honest source serves, by path; and those that a client holds of an earlier publication,
 * by name.
 */
interface Site {
  folder: string;
  served: Files;
  held: Files;
}

const NOW = new Date("2027-01-01T00:00:00Z");
const BASE = "http://ua-berlin.corp.example/content/";
const DOCUMENT = "components/rules.json";
/** Files that a refresh reads from disk, and heals where they are damaged. */
const READ_BACK = /^(\d+\.root|timestamp|snapshot|targets|components)\.json$/;

function publicationIn(target: string): Files {
  const good = readCorpus(target).filter(({ name }) => name.startsWith("good-"));
  return new Map(good.map(({ input }) => replacementIn(input)));
}

function replacementIn(input: Buffer): [name: string, bytes: Buffer] {
  const end = input.indexOf("\n");
  return end === -1 ? ["", input] : [input.subarray(0, end).toString(), input.subarray(end + 1)];
}

function madeFile(files: Files): fc.Arbitrary<Buffer> {
  const name = fc.constantFrom(...files.keys());
  const bytes = fc.oneof(
    fc.constantFrom(...files.values()),
    fc.json().map((json) => Buffer.from(json)),
    fc.json().map((json) => Buffer.from(`{"signatures":[],"signed":${json}}`)),
    fc.uint8Array().map((each) => Buffer.from(each)),
  );
  return fc.tuple(name, bytes).map(([each, content]) => Buffer.concat([Buffer.from(`${each}\n`), content]));
}

/** A source with one wrong file gives what was signed, or fails as sources fail. */
async function checkServed(site: Site, input: Buffer): Promise<boolean> {
  const [name, bytes] = replacementIn(input);
  if (!site.served.has(name)) return false;
  const fetcher = serving(new Map([...site.served, [name, bytes]]));
  const root = site.held.get("root.json") ?? Buffer.alloc(0);
  const first = await refreshes(site, new Map([["root.json", root]]), fetcher);
  const later = await refreshes(site, site.held, fetcher);
  const untouched = site.served.get(name)?.equals(bytes) === true;
  if (untouched) assert(first && later, "an honest source is refused");
  return first && later;
}

/**
 * Checks that an honest source brings everything up to date, with any content of one file on disk, except the
 * shipped root.
 */
async function checkHeld(site: Site, input: Buffer): Promise<boolean> {
  const [name, bytes] = replacementIn(input);
  if (!site.held.has(name)) return false;
  const healed = await refreshes(site, new Map([...site.held, [name, bytes]]), serving(site.served));
  assert(healed || name === "root.json", `a damaged ${name} does not heal`);
  return healed;
}

/** Whether a refresh succeeds; if it does, nothing in it is other than signed. */
async function refreshes(site: Site, held: Files, fetcher: Fetcher): Promise<boolean> {
  const trusted = toTrustedSet(site, held);
  const source = { metadataUrl: `${BASE}metadata/`, targetsUrl: `${BASE}targets/`, fetcher };
  try {
    const refreshed = await refresh(trusted, source, NOW);
    const names = await refreshed.names("components");
    assert.deepEqual(names, ["rules"]);
    const document = await refreshed.document(DOCUMENT);
    checkSigned(site, refreshed);
    const [, signed] = [...site.served].find(([name]) => name.endsWith(".rules.json")) ?? [];
    assert(document !== undefined && signed?.equals(document), "an altered document was accepted");
    return true;
  } catch (error) {
    assert(error instanceof NearsourceError && error.code !== "UNEXPECTED", unexpected(error));
    const phases = ["request", "transfer", "metadata", "configuration"];
    assert(phases.includes(error.phase), `failed with ${error.code}`);
    return false;
  }
}

function toTrustedSet({ folder }: Site, held: Files): TrustedSet {
  // tuf-js reads the shipped root from disk before anything of it can be replaced.
  writeFileSync(path.join(folder, "root.json"), held.get("root.json") ?? "");
  const documents = [...held].filter(([name]) => name.includes("/"));
  const files = [...held].filter(([name]) => !name.includes("/"));
  return { repository: "content", folder, files: new Map(files), documents: new Map(documents) };
}

function checkSigned({ served, held }: Site, { files }: Refreshed): void {
  const honest = [...served, ...held].map(([name, bytes]) => signedOf(name, bytes));
  for (const [name, bytes] of files) {
    if (!READ_BACK.test(name)) continue;
    const signed = signedOf(name, bytes);
    assert(
      honest.some((each) => isDeepStrictEqual(each, signed)),
      `an altered ${name} was accepted`,
    );
  }
}

/** The part of a metadata file that the verifier reads, which the signatures in it are about. */
function signedOf(name: string, bytes: Buffer): unknown {
  const role = name.match(/(root|timestamp|snapshot)\.json$/)?.[1] ?? "targets";
  const data = objectOf(jsonOf(bytes.toString()));
  return data?.signed && Metadata.fromJSON(role as MetadataKind.Targets, data as never).signed.toJSON();
}

function serving(files: Files): Fetcher {
  const get: Fetcher["get"] = async (text, { accept = [200] } = {}) => {
    const url = new URL(text);
    const bytes = files.get(text.slice(BASE.length));
    if (bytes === undefined) throw toStatusError(404, url);
    assert(accept.includes(200));
    return {
      status: 200,
      headers: {},
      url,
      address: "10.1.0.5",
      read: () => pieces(bytes),
      discard: async () => {},
    };
  };
  return { get, limitRate: () => {}, close: () => {} };
}

async function* pieces(bytes: Buffer): ReturnType<Response["read"]> {
  for (let at = 0; at < bytes.length; at += 4_096) yield bytes.subarray(at, at + 4_096);
}
