import { createHash } from "node:crypto";
import type { TargetFile, Updater } from "tuf-js";
import { DOCUMENT_LIMIT, hashedTargetPath, mayLeadTo } from "../core/content/layout.ts";
import { explainError, NearsourceError } from "../errors.ts";
import { readWhole } from "../http/body.ts";
import { turnsEvery } from "../store/turns.ts";
import { toMetadataError } from "./metadataErrors.ts";
import { isNumberedRoot, type TrustedSet } from "./trustedSet.ts";
import { internalsOf, type MetadataSource, makeUpdater, type Watched } from "./updater.ts";

/** A refresh that verified: the trusted files, replaced by newer ones that this source had. */
export interface Refreshed {
  /** False when the source has exactly the trusted set already. */
  changed: boolean;
  files: Map<string, Buffer>;
  etag: string | undefined;
  /** The address that answered. */
  address: string | undefined;
  /** Body bytes received. */
  bytes: number;
  /** Time (s) since the source itself asked whether its timestamp is current, if it says so. */
  age: number | undefined;
  /** Names of the targets directly under `folder/`, such as `virus-pattern` for `components/virus-pattern.json`. */
  names(folder: string): Promise<string[]>;
  /** Paths of all targets under `folder/` and the folders below it. */
  targets(folder: string): Promise<string[]>;
  /** The bytes of a target: from the trusted set where they are the signed ones, else from the source. */
  document(target: string): Promise<Buffer | undefined>;
}

/**
 * One refresh of `trusted` from one source: TUF's client workflow (spec §5.3 to §5.6) by tuf-js, over our
 * transport. Nothing is written: the verified files are returned, and become the trusted set only when the
 * caller finds them complete. So a source that gives a genuine timestamp and withholds the rest changes
 * nothing.
 *
 * @param now the run's one time, for expiry
 * @param staged is filled with each file as it verifies, and holds those also when the refresh fails
 * @throws NearsourceError of the phases resolve to metadata
 */
export async function refresh(
  trusted: TrustedSet,
  source: MetadataSource,
  now: Date,
  staged = new Map<string, Buffer>(),
): Promise<Refreshed> {
  const leastRoot = newestRoot(trusted);
  try {
    return await refreshOnce(trusted, source, now, staged, leastRoot);
  } catch (error) {
    // The chain of roots on disk may fail to verify: once more, with all of it from the source.
    if (!(error instanceof CachedRootError)) throw error;
    const files = new Map([...trusted.files].filter(([name]) => !isNumberedRoot(name)));
    return await refreshOnce({ ...trusted, files }, source, now, staged, leastRoot);
  }
}

/** The highest version of a root that was ever trusted here; its bytes may be damaged, its name is not. */
function newestRoot(trusted: TrustedSet): number {
  const names = [...trusted.files.keys()].filter(isNumberedRoot);
  return Math.max(0, ...names.map((name) => Number.parseInt(name, 10)));
}

class CachedRootError extends Error {}

async function refreshOnce(
  trusted: TrustedSet,
  source: MetadataSource,
  now: Date,
  staged: Map<string, Buffer>,
  leastRoot: number,
): Promise<Refreshed> {
  const watched: Watched = {
    failure: undefined,
    lastFromCache: false,
    etag: source.etag,
    address: undefined,
    bytes: 0,
    age: undefined,
  };
  const updater = makeUpdater(trusted, source, now, staged, watched);
  const documents = { trusted, source, watched, updater };
  const guarded = <Result>(work: () => Promise<Result>) => explained(documents, work);
  await guarded(() => updater.refresh());
  checkRoot(internalsOf(updater).trustedSet.root.signed.version, leastRoot, source.metadataUrl);
  return {
    get changed() {
      return staged.size > 0;
    },
    get files() {
      return new Map([...trusted.files, ...staged]);
    },
    get etag() {
      return watched.etag;
    },
    get address() {
      return watched.address;
    },
    get bytes() {
      return watched.bytes;
    },
    get age() {
      return watched.age;
    },
    names: (folder) => guarded(() => namesUnder(updater, folder)),
    targets: (folder) => guarded(() => targetsUnder(updater, folder)),
    document: (target) => guarded(() => fetchDocument(documents, target)),
  };
}

/** `work` with tuf-js, whose errors lose their cause on the way: what it throws has that again. */
async function explained<Result>(
  { trusted, source, watched }: Documents,
  work: () => Promise<Result>,
): Promise<Result> {
  watched.failure = undefined;
  try {
    return await work();
  } catch (error) {
    if (watched.lastFromCache) throw new CachedRootError(explainError(error));
    throw toMetadataError(watched.failure ?? error, trusted.repository, source.metadataUrl);
  }
}

/**
 * While the chain of roots on disk is damaged, the keys of a root that was replaced would count again
 * wherever its successors are hidden.
 */
function checkRoot(version: number, least: number, url: string): void {
  if (version >= least) return;
  throw new NearsourceError(
    "METADATA_OLDER",
    `${new URL(url).host} offers no root after ${version}, and root ${least} is already trusted`,
  );
}

/** Names of the documents directly in a folder, each of which the delegations really lead to. */
async function namesUnder(updater: Updater, folder: string): Promise<string[]> {
  const targets = await targetsUnder(updater, folder, /^[^/]+\.json$/);
  return targets.map((target) => target.slice(folder.length + 1, -".json".length)).sort();
}

/** Targets below a folder whose path from there fits, each of which the delegations really lead to. */
async function targetsUnder(updater: Updater, folder: string, fits = /./): Promise<string[]> {
  const found = new Set<string>();
  const visited = new Set<string>();
  const visit = async (role: string, delegator: string): Promise<void> => {
    if (visited.has(role)) return;
    visited.add(role);
    const { targets, delegations } = (await internalsOf(updater).loadTargets(role, delegator)).signed;
    for (const target of Object.keys(targets ?? {})) {
      if (target.startsWith(`${folder}/`) && fits.test(target.slice(folder.length + 1))) found.add(target);
    }
    for (const child of Object.values(delegations?.roles ?? {})) {
      if (child.paths?.some((pattern) => mayLeadTo(pattern, folder))) await visit(child.name, role);
    }
  };
  await visit("targets", "root");
  const reached: string[] = [];
  const turn = turnsEvery(100);
  for (const target of [...found].sort()) {
    await turn();
    if ((await updater.getTargetInfo(target)) !== undefined) reached.push(target);
  }
  return reached;
}

interface Documents {
  trusted: TrustedSet;
  source: MetadataSource;
  watched: Watched;
  updater: Updater;
}

async function fetchDocument(documents: Documents, target: string): Promise<Buffer | undefined> {
  const { trusted, source, watched, updater } = documents;
  const info = await updater.getTargetInfo(target);
  if (info === undefined) return undefined;
  const { algorithm, hash } = strongHash(info, target);
  const held = trusted.documents.get(target);
  if (held !== undefined && digest(algorithm, held) === hash) return held;
  if (info.length > DOCUMENT_LIMIT) {
    throw new NearsourceError("METADATA_TOO_LARGE", `${target} is signed as ${info.length} bytes long`);
  }
  // TUF spec §6.2: names carry the hash where the repository keeps consistent snapshots.
  const { consistentSnapshot } = internalsOf(updater).trustedSet.root.signed;
  const url = source.targetsUrl + (consistentSnapshot ? hashedTargetPath(target, hash) : target);
  const { viaProxy, signal } = source;
  const response = await source.fetcher.get(url, { viaProxy: viaProxy === true, signal });
  const bytes = await readWhole(response, info.length);
  watched.bytes += bytes.length;
  if (bytes.length !== info.length || digest(algorithm, bytes) !== hash) {
    throw new NearsourceError(
      "HASH_MISMATCH",
      `${response.url.host} sent another ${target} than the signed one`,
    );
  }
  return bytes;
}

/** SHA-256, or SHA-512 where that is all there is; anything weaker proves nothing (docs/design.md §3). */
function strongHash(info: TargetFile, target: string): { algorithm: string; hash: string } {
  for (const algorithm of ["sha256", "sha512"]) {
    const hash = info.hashes[algorithm];
    if (hash !== undefined && /^[0-9a-f]+$/.test(hash)) return { algorithm, hash };
  }
  throw new NearsourceError("METADATA_MALFORMED", `${target} is signed without a SHA-256 or SHA-512`);
}

function digest(algorithm: string, bytes: Buffer): string {
  return createHash(algorithm).update(bytes).digest("hex");
}
