import { createHash } from "node:crypto";
import { type TargetFile, Updater } from "tuf-js";
import { DownloadHTTPError } from "tuf-js/dist/error.js";
import { hashedTargetPath, METADATA_LIMITS } from "../core/layout.ts";
import { explainError, NearsourceError } from "../errors.ts";
import { type Fetcher, type GetOptions, readWhole } from "./fetch.ts";
import { toMetadataError } from "./metadataErrors.ts";
import { isNumberedRoot, type TrustedSet } from "./trustedSet.ts";

/** Root rotations followed in one refresh, beyond those already held. */
const MAX_ROOT_ROTATIONS = 64;
/** A manifest or settings document may be this long (bytes), whatever its signed length says. */
const MAX_DOCUMENT = 4_194_304;

/** Where metadata is fetched from, and how. */
export interface MetadataSource extends Pick<GetOptions, "viaProxy" | "signal"> {
  /** Folders of the source's tree (`repositoryUrls` makes them of its base URL). */
  metadataUrl: string;
  targetsUrl: string;
  fetcher: Fetcher;
  /** ETag under which this source last gave the trusted timestamp. */
  etag?: string | undefined;
}

/** A refresh that verified: the trusted files with what this source had newer laid over them. */
export interface Refreshed {
  /** False when the source has exactly what is trusted already. */
  changed: boolean;
  files: Map<string, Buffer>;
  etag: string | undefined;
  /** The address that answered. */
  address: string | undefined;
  /** Body bytes received. */
  bytes: number;
  /** Names of the targets directly under `folder/`, such as `virus-pattern` for `components/virus-pattern.json`. */
  names(folder: string): Promise<string[]>;
  /** The bytes of a target: from the trusted set where they are the signed ones, else from the source. */
  document(target: string): Promise<Buffer | undefined>;
}

/**
 * One refresh of `trusted` from one source: TUF's client workflow (spec §5.3 to §5.6) by tuf-js, over
 * our transport. Nothing is written: what verified is returned, and becomes the trusted set only when
 * the caller finds it complete. So a source that gives a genuine timestamp and withholds the rest
 * changes nothing.
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
    // The chain of roots on disk may be what does not verify: once more, with all of it from the source.
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

/** What a refresh has come to know beside tuf-js, which flattens the causes of its errors. */
interface Watched {
  failure: unknown;
  lastFromCache: boolean;
  etag: string | undefined;
  address: string | undefined;
  bytes: number;
}

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
  };
  const updater = makeUpdater(trusted, source, now, staged, watched);
  const guarded = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    watched.failure = undefined;
    try {
      return await work();
    } catch (error) {
      if (watched.lastFromCache) throw new CachedRootError(explainError(error));
      throw toMetadataError(watched.failure ?? error, trusted.repository, source.metadataUrl);
    }
  };
  await guarded(() => updater.refresh());
  checkRoot(internalsOf(updater).trustedSet.root.signed.version, leastRoot, source.metadataUrl);
  const documents = { trusted, source, watched, updater };
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
    names: (folder) => guarded(() => namesUnder(updater, folder)),
    document: (target) => guarded(() => fetchDocument(documents, target)),
  };
}

/**
 * A tuf-js Updater that reads `trusted`, writes into `staged`, and tells the time as `now`. These are
 * its private parts; the version is pinned, and test/io/metadata.test.ts fails if one moves.
 */
function makeUpdater(
  trusted: TrustedSet,
  source: MetadataSource,
  now: Date,
  staged: Map<string, Buffer>,
  watched: Watched,
): Updater {
  const cachedRoots = [...trusted.files.keys()].filter(isNumberedRoot).length;
  let updater: Updater;
  try {
    updater = new Updater({
      metadataDir: trusted.folder,
      metadataBaseUrl: source.metadataUrl,
      fetcher: {
        downloadBytes: (url, limit) => download(trusted, source, url, limit, watched),
        downloadFile: () => Promise.reject(new Error("targets are not fetched through tuf-js")),
      },
      config: {
        maxRootRotations: cachedRoots + MAX_ROOT_ROTATIONS,
        rootMaxLength: METADATA_LIMITS.root,
        timestampMaxLength: METADATA_LIMITS.timestamp,
        snapshotMaxLength: METADATA_LIMITS.snapshot,
        targetsMaxLength: METADATA_LIMITS.targets,
      },
    });
  } catch (error) {
    throw new NearsourceError(
      "TRUST_ROOT_INVALID",
      `the ${trusted.repository} root is not a valid TUF root`,
      {
        cause: error,
        hint: `put the publisher's root.json where roots.${trusted.repository} in the configuration points`,
      },
    );
  }
  Object.assign(updater, {
    loadLocalMetadata: (role: string) => localFile(trusted, role),
    persistMetadata: (role: string, bytes: Buffer) => {
      const version = role === "root" ? `${JSON.parse(bytes.toString()).signed.version}.` : "";
      const name = `${version}${encodeURIComponent(role)}.json`;
      if (!trusted.files.get(name)?.equals(bytes)) staged.set(name, bytes);
    },
  });
  const set = internalsOf(updater).trustedSet;
  set.referenceTime = now;
  rememberFailures(set, watched);
  return updater;
}

function localFile(trusted: TrustedSet, role: string): Buffer {
  const bytes = trusted.files.get(`${encodeURIComponent(role)}.json`);
  if (bytes === undefined) throw new Error(`no local ${role}`);
  return bytes;
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

/** Keeps the verifier's own last error: the updater turns those of snapshot and targets into text. */
function rememberFailures(set: object, watched: Watched): void {
  const methods = set as Record<string, (...values: unknown[]) => unknown>;
  for (const name of ["updateRoot", "updateTimestamp", "updateSnapshot", "updateDelegatedTargets"]) {
    const verify = methods[name]?.bind(set);
    if (verify === undefined) throw new Error(`tuf-js has no ${name}`);
    methods[name] = (...values) => {
      try {
        return verify(...values);
      } catch (error) {
        watched.failure = error;
        throw error;
      }
    };
  }
}

/** One metadata file: a held root from the cache, anything else from the source under its role's limit. */
async function download(
  trusted: TrustedSet,
  source: MetadataSource,
  url: string,
  limit: number,
  watched: Watched,
): Promise<Buffer> {
  const name = decodeURIComponent(url.slice(url.lastIndexOf("/") + 1));
  const cached = isNumberedRoot(name) ? trusted.files.get(name) : undefined;
  watched.lastFromCache = cached !== undefined;
  if (cached !== undefined) return cached;
  const isTimestamp = name === "timestamp.json";
  const conditional = isTimestamp && source.etag !== undefined && trusted.files.has(name);
  try {
    const response = await source.fetcher.get(url, {
      viaProxy: source.viaProxy === true,
      signal: source.signal,
      ...(conditional ? { headers: { "if-none-match": source.etag ?? "" }, accept: [200, 304] } : {}),
    });
    watched.address = response.address;
    if (response.status === 304) {
      await response.discard();
      return localFile(trusted, "timestamp");
    }
    const bytes = await readWhole(response, Math.min(limit, limitOf(name)));
    watched.bytes += bytes.length;
    watched.failure = undefined;
    if (isTimestamp) watched.etag = response.headers.etag;
    return bytes;
  } catch (error) {
    const missing =
      error instanceof NearsourceError && ["HTTP_NOT_FOUND", "HTTP_FORBIDDEN"].includes(error.code);
    // Spec §5.3.3: no next root means that the trusted one is the newest.
    if (isNumberedRoot(name) && missing) throw new DownloadHTTPError("no such root", 404);
    watched.failure = error;
    throw error;
  }
}

function limitOf(name: string): number {
  const role = name.match(/^(?:\d+\.)?(root|timestamp|snapshot)\.json$/)?.[1] ?? "targets";
  return METADATA_LIMITS[role as keyof typeof METADATA_LIMITS];
}

/** Target names under a folder, each of which the delegations really lead to. */
async function namesUnder(updater: Updater, folder: string): Promise<string[]> {
  const names = new Set<string>();
  const visited = new Set<string>();
  const visit = async (role: string, delegator: string): Promise<void> => {
    if (visited.has(role)) return;
    visited.add(role);
    const { targets, delegations } = (await internalsOf(updater).loadTargets(role, delegator)).signed;
    for (const target of Object.keys(targets ?? {})) {
      const name = target.startsWith(`${folder}/`) ? target.slice(folder.length + 1) : "";
      if (/^[^/]+\.json$/.test(name)) names.add(name.slice(0, -".json".length));
    }
    for (const child of Object.values(delegations?.roles ?? {})) {
      if (child.paths?.some((pattern) => mayLeadTo(pattern, folder))) await visit(child.name, role);
    }
  };
  await visit("targets", "root");
  const reached: string[] = [];
  for (const name of [...names].sort()) {
    if ((await updater.getTargetInfo(`${folder}/${name}.json`)) !== undefined) reached.push(name);
  }
  return reached;
}

/** Whether a delegation's pattern (TUF spec §4.5) may match something in `folder`. */
function mayLeadTo(pattern: string, folder: string): boolean {
  const [first = ""] = pattern.split("/");
  return first === folder || /[*?[]/.test(first);
}

/** The parts of tuf-js's Updater that its types keep private and that are used here. */
interface UpdaterInternals {
  loadTargets(role: string, delegator: string): Promise<{ signed: TargetsLike }>;
  trustedSet: {
    referenceTime: Date;
    root: { signed: { consistentSnapshot: boolean; version: number } };
  };
}

interface TargetsLike {
  targets?: Record<string, unknown>;
  delegations?: { roles?: Record<string, { name: string; paths?: string[] }> };
}

function internalsOf(updater: Updater): UpdaterInternals {
  return updater as unknown as UpdaterInternals;
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
  if (info.length > MAX_DOCUMENT) {
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

/** SHA-256, or SHA-512 where that is all there is; anything weaker proves nothing (DESIGN §3). */
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
