import { Updater } from "tuf-js";
import { DownloadHTTPError } from "tuf-js/dist/error.js";
import { METADATA_LIMITS } from "../core/content/layout.ts";
import { NearsourceError } from "../errors.ts";
import { readWhole } from "../http/body.ts";
import type { Fetcher, GetOptions } from "../http/fetcher.ts";
import { lastingTag } from "./entityTag.ts";
import "./tufRecords.ts";
import { isNumberedRoot, type TrustedSet } from "./trustedSet.ts";

/** tuf-js' Updater without its types, by which a private part cannot be another. */
const Constructible = Updater as unknown as new (options: ConstructorParameters<typeof Updater>[0]) => object;

/** Root rotations followed in one refresh, beyond those already held. */
const MAX_ROOT_ROTATIONS = 64;
/** The place that metadata is fetched from, and the way to fetch it. */
export interface MetadataSource extends Pick<GetOptions, "viaProxy" | "signal"> {
  /** Folders of the source's tree (`repositoryUrls` makes them of its base URL). */
  metadataUrl: string;
  targetsUrl: string;
  fetcher: Fetcher;
  /** ETag under which this source last gave the trusted timestamp. */
  etag?: string | undefined;
}

/** The facts of a refresh that tuf-js, which flattens the causes of its errors, does not report. */
export interface Watched {
  failure: unknown;
  lastFromCache: boolean;
  etag: string | undefined;
  address: string | undefined;
  bytes: number;
  /** `Age` of the timestamp (RFC 9111 §5.1), in seconds. */
  age: number | undefined;
}

/**
 * A tuf-js Updater that reads `trusted`, writes into `staged`, and tells the time as `now`. These are
 * its private parts; the version is pinned, and test/tuf/refresh.test.ts fails if one moves.
 */
export function makeUpdater(
  trusted: TrustedSet,
  source: MetadataSource,
  now: Date,
  staged: Map<string, Buffer>,
  watched: Watched,
): Updater {
  const updater = newUpdater(trusted, source, watched);
  Object.assign(updater, {
    persistMetadata: (role: string, bytes: Buffer) => {
      const version = role === "root" ? `${JSON.parse(bytes.toString()).signed.version}.` : "";
      const name = `${version}${encodeURIComponent(role)}.json`;
      if (!trusted.files.get(name)?.equals(bytes)) staged.set(name, bytes);
    },
  });
  loadOnce(updater);
  const set = internalsOf(updater).trustedSet;
  set.referenceTime = now;
  rememberFailures(set, watched);
  return updater;
}

function newUpdater(trusted: TrustedSet, source: MetadataSource, watched: Watched): Updater {
  const cachedRoots = [...trusted.files.keys()].filter(isNumberedRoot).length;
  /** An Updater reads its root as it is made: from the set, which may be on no disk yet. */
  class SetUpdater extends Constructible {
    loadLocalMetadata(role: string): Buffer {
      return localFile(trusted, role);
    }
  }
  try {
    const updater = new SetUpdater({
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
    return updater as unknown as Updater;
  } catch (error) {
    throw new NearsourceError(
      "TRUST_ROOT_INVALID",
      `the ${trusted.repository} root is not a valid TUF root`,
      {
        // The library's messages on missing fields describe its own code, not the document.
        cause: error instanceof Error && /signed by/.test(error.message) ? error : undefined,
        hint: `put the publisher's root.json where roots.${trusted.repository} in the configuration points`,
      },
    );
  }
}

/**
 * Loads each role once for each delegator. tuf-js verifies a role again for each target that is looked up in
 * it, which takes time with the square of their number, and nothing of it changes within a refresh. Lookups
 * at the same time wait for the same file. A failed load is tried again by the next lookup.
 */
function loadOnce(updater: Updater): void {
  const internals = internalsOf(updater);
  const load = internals.loadTargets.bind(updater);
  const loaded = new Map<string, ReturnType<typeof load>>();
  internals.loadTargets = (role, delegator) => {
    const key = JSON.stringify([role, delegator]);
    const loading = loaded.get(key) ?? load(role, delegator);
    if (!loaded.has(key)) {
      loaded.set(key, loading);
      loading.catch(() => loaded.delete(key));
    }
    return loading;
  };
}

function localFile(trusted: TrustedSet, role: string): Buffer {
  const bytes = trusted.files.get(`${encodeURIComponent(role)}.json`);
  if (bytes === undefined) throw new Error(`no local ${role}`);
  return bytes;
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
    if (isTimestamp) watched.age = ageOf(response.headers.age);
    if (response.status === 304) {
      await response.discard();
      return localFile(trusted, "timestamp");
    }
    const bytes = await readWhole(response, Math.min(limit, limitOf(name)));
    watched.bytes += bytes.length;
    watched.failure = undefined;
    if (isTimestamp) watched.etag = lastingTag(response.headers);
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

function ageOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,10}$/.test(header) ? Number(header) : undefined;
}

function limitOf(name: string): number {
  const role = name.match(/^(?:\d+\.)?(root|timestamp|snapshot)\.json$/)?.[1] ?? "targets";
  return METADATA_LIMITS[role as keyof typeof METADATA_LIMITS];
}

/** The parts of tuf-js's Updater that its types keep private and that are used here. */
export interface UpdaterInternals {
  loadTargets(role: string, delegator: string): Promise<{ signed: TargetsLike }>;
  trustedSet: {
    referenceTime: Date;
    root: { signed: { consistentSnapshot: boolean; version: number } };
  };
}

export interface TargetsLike {
  targets?: Record<string, unknown>;
  delegations?: { roles?: Record<string, { name: string; paths?: string[] }> };
}

export function internalsOf(updater: Updater): UpdaterInternals {
  return updater as unknown as UpdaterInternals;
}
