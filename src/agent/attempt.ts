import { statfs } from "node:fs/promises";
import pRetry from "p-retry";
import { RETRY } from "../core/backoff.ts";
import { DISPOSITIONS, endsSource } from "../core/disposition.ts";
import { CONTENT_KINDS, type ContentKind, type Kind } from "../core/kind.ts";
import { manifestTarget, objectPath, repositoryUrls } from "../core/layout.ts";
import { type Manifest, parseComponentName, parseManifest } from "../core/manifest.ts";
import type { Attempt } from "../core/report.ts";
import { type InstalledComponent, target } from "../core/target.ts";
import type { Step } from "../core/updateOrder.ts";
import { NearsourceError, toNearsourceError } from "../errors.ts";
import { downloadObject, type ObjectName, partialLength } from "../io/download.ts";
import { type Refreshed, refresh } from "../io/metadata.ts";
import { inStore } from "../io/store.ts";
import { describeRole, type TrustedSet, writeTrustedSet } from "../io/trustedSet.ts";
import { installedOf, type Run, type Source, sourceOf } from "./run.ts";
import { remember, updateSettings } from "./settingsDelivery.ts";

/** What came of one source. */
export interface AttemptResult {
  attempt: Attempt;
  /** Needed kinds of which the vendor publishes nothing: no source need deliver them. */
  empty: Kind[];
  /** The errors met, in order; the first is the attempt's code. */
  errors: NearsourceError[];
}

/** What an attempt gathers as it goes. */
interface Gathered {
  address: string | undefined;
  bytes: number;
  delivered: Kind[];
  changed: boolean;
  empty: Kind[];
  errors: NearsourceError[];
}

/**
 * One try of one source for `kinds`. Kinds are independent: what one cannot have, another still may,
 * unless the source as a whole turns out to be of no use.
 *
 * @param needed all kinds the run still needs
 * @throws NearsourceError whose disposition is to stop the run
 */
export async function attemptSource(
  run: Run,
  step: Step,
  kinds: Kind[],
  needed: Kind[],
): Promise<AttemptResult> {
  const began = performance.now();
  const source = sourceOf(step);
  const gathered: Gathered = {
    address: undefined,
    bytes: 0,
    delivered: [],
    changed: false,
    empty: [],
    errors: [],
  };
  const parts: ((gathered: Gathered) => Promise<void>)[] = [];
  if (kinds.includes("settings")) parts.push((all) => deliverSettings(run, source, all));
  const content = CONTENT_KINDS.filter((kind) => kinds.includes(kind));
  if (content.length > 0) parts.push((all) => deliverContent(run, source, content, needed, all));
  for (const part of parts) {
    try {
      await part(gathered);
    } catch (error) {
      const failure = stopOr(error);
      gathered.errors.push(failure);
      if (endsSource(failure.code)) break;
    }
  }
  return { attempt: toAttempt(step, kinds, gathered, began), empty: gathered.empty, errors: gathered.errors };
}

/** The error itself when the run can go on after it; else it is thrown on. */
function stopOr(error: unknown): NearsourceError {
  const failure = toNearsourceError(error);
  if (DISPOSITIONS[failure.code] === "stop") throw failure;
  return failure;
}

function toAttempt(step: Step, kinds: Kind[], gathered: Gathered, began: number): Attempt {
  const { rule, entry, name, url } = step;
  const { address, delivered, changed, bytes, errors } = gathered;
  const [first] = errors;
  return {
    rule,
    ...(entry === undefined ? {} : { entry }),
    ...(name === undefined ? {} : { name }),
    url,
    ...(address === undefined ? {} : { address }),
    kinds,
    delivered,
    outcome: delivered.length === 0 ? "failed" : changed ? "delivered" : "current",
    ...(first === undefined ? {} : { code: first.code, message: first.message }),
    ms: Math.round(performance.now() - began),
    bytes,
  };
}

async function deliverSettings(run: Run, source: Source, gathered: Gathered): Promise<void> {
  const delivery = await retrying(run, () => updateSettings(run, source));
  gathered.address = delivery.address ?? gathered.address;
  gathered.bytes += delivery.bytes;
  gathered.delivered.push("settings");
  if (delivery.changes.length > 0) gathered.changed = true;
}

async function deliverContent(
  run: Run,
  source: Source,
  kinds: ContentKind[],
  needed: Kind[],
  gathered: Gathered,
): Promise<void> {
  const offer = await retrying(run, () => learnOffer(run, source, kinds, needed));
  gathered.address = offer.address ?? gathered.address;
  gathered.bytes += offer.bytes;
  gathered.empty = offer.empty;
  for (const kind of kinds) {
    try {
      const changed = await deliverKind(run, source, kind, offer, gathered);
      gathered.delivered.push(kind);
      if (changed) gathered.changed = true;
    } catch (error) {
      const failure = stopOr(error);
      gathered.errors.push(failure);
      if (endsSource(failure.code)) return;
    }
  }
}

/** What signed metadata says there is to have. */
interface Offer {
  manifests: Map<ContentKind, Manifest[]>;
  empty: Kind[];
  /** Set when the source's own metadata is older than what is trusted; its objects may still serve. */
  stale: NearsourceError | undefined;
  address: string | undefined;
  bytes: number;
}

async function learnOffer(run: Run, source: Source, kinds: ContentKind[], needed: Kind[]): Promise<Offer> {
  const trusted = run.trusted.content;
  if (trusted === undefined) throw new NearsourceError("NOT_OFFERED", "no content root is configured");
  const etagKey = `content ${source.url}`;
  const reached = {
    ...repositoryUrls(source.url, "content"),
    viaProxy: source.viaProxy,
    fetcher: run.fetcher,
    signal: run.signal,
    etag: run.state.etags[etagKey],
  };
  let refreshed: Refreshed;
  try {
    refreshed = await refresh(trusted, reached, run.now);
  } catch (error) {
    const older = error instanceof NearsourceError && error.code === "METADATA_OLDER";
    if (!older || !isUsable(trusted, kinds, run.now)) throw error;
    const manifests = readManifests(trusted.documents, kinds);
    return { manifests, empty: [], stale: error, address: undefined, bytes: 0 };
  }
  const documents = await collectManifests(refreshed, trusted, kinds);
  const manifests = readManifests(documents, kinds);
  const empty = await emptyKinds(refreshed, needed);
  // Only now is the set complete: metadata, and every manifest of the kinds this source delivers.
  if (refreshed.changed || !sameDocuments(trusted.documents, documents)) {
    run.trusted.content = await writeTrustedSet(run.dirs, "content", { files: refreshed.files, documents });
  }
  remember(run, "content", etagKey, refreshed);
  return { manifests, empty, stale: undefined, address: refreshed.address, bytes: refreshed.bytes };
}

/** Metadata that has not expired may still say which objects to fetch, whoever has them. */
function isUsable(trusted: TrustedSet, kinds: ContentKind[], now: Date): boolean {
  const delegated = kinds.filter((kind) => trusted.files.has(`${kind}.json`));
  return ["timestamp", "snapshot", "targets", ...delegated].every((role) => {
    const state = describeRole(trusted.files.get(`${role}.json`));
    return state !== undefined && Date.parse(state.expires) > now.getTime();
  });
}

/** The manifests of `kinds` as this refresh names them, with what is held of other kinds. */
async function collectManifests(
  refreshed: Refreshed,
  trusted: TrustedSet,
  kinds: ContentKind[],
): Promise<Map<string, Buffer>> {
  const isOther = (document: string) => !kinds.some((kind) => document.startsWith(`${kind}/`));
  const documents = new Map([...trusted.documents].filter(([document]) => isOther(document)));
  for (const kind of kinds) {
    for (const name of await refreshed.names(kind)) {
      checkName(kind, name);
      const bytes = await refreshed.document(manifestTarget(kind, name));
      if (bytes !== undefined) documents.set(manifestTarget(kind, name), bytes);
    }
  }
  return documents;
}

function checkName(kind: ContentKind, name: string): void {
  try {
    parseComponentName(name);
  } catch (error) {
    throw new NearsourceError(
      "MANIFEST_INVALID",
      `the target ${JSON.stringify(`${kind}/${name}.json`)} is refused`,
      {
        cause: error,
      },
    );
  }
}

function sameDocuments(one: ReadonlyMap<string, Buffer>, other: ReadonlyMap<string, Buffer>): boolean {
  return (
    one.size === other.size && [...one].every(([name, bytes]) => other.get(name)?.equals(bytes) === true)
  );
}

function readManifests(documents: ReadonlyMap<string, Buffer>, kinds: ContentKind[]): Offer["manifests"] {
  const manifests: Offer["manifests"] = new Map(kinds.map((kind) => [kind, []]));
  for (const [document, bytes] of documents) {
    const [kind, file = ""] = document.split("/") as [ContentKind, string?];
    manifests.get(kind)?.push(readManifest(kind, file.replace(/\.json$/, ""), bytes));
  }
  return manifests;
}

function readManifest(kind: ContentKind, name: string, bytes: Buffer): Manifest {
  try {
    return parseManifest(JSON.parse(bytes.toString()), { kind, name });
  } catch (error) {
    throw new NearsourceError("MANIFEST_INVALID", `the signed manifest of ${kind}/${name} is refused`, {
      cause: error,
      hint: "tell the publisher; no source can mend it",
    });
  }
}

/** Needed content kinds that the vendor publishes nothing of. What cannot be told counts as something. */
async function emptyKinds(refreshed: Refreshed, needed: Kind[]): Promise<Kind[]> {
  const empty: Kind[] = [];
  for (const kind of CONTENT_KINDS) {
    if (!needed.includes(kind)) continue;
    const names = await refreshed.names(kind).catch(() => ["unknown"]);
    if (names.length === 0) empty.push(kind);
  }
  return empty;
}

/** Fetches what is missing of one kind, all of it, and says whether anything of the kind changes. */
async function deliverKind(
  run: Run,
  source: Source,
  kind: ContentKind,
  offer: Offer,
  gathered: Gathered,
): Promise<boolean> {
  const components: InstalledComponent[] = [];
  let changed = false;
  for (const manifest of offer.manifests.get(kind) ?? []) {
    const { name } = manifest;
    if (run.config.components?.includes(name) === false) continue;
    const component = decide(run, manifest, offer);
    if (component === undefined) continue;
    components.push(component);
    if (component !== installedOf(run, kind, name)) changed = true;
  }
  // A stale source that nothing is needed from has confirmed nothing.
  if (!changed && offer.stale !== undefined) throw offer.stale;
  await fetchMissing(run, source, components, offer, gathered);
  run.delivered.set(kind, components);
  return changed;
}

/** The component as it is to be installed: a new release, the one that is there, or none. */
function decide(run: Run, manifest: Manifest, offer: Offer): InstalledComponent | undefined {
  const { kind, name } = manifest;
  const key = `${kind}/${name}`;
  const installed = installedOf(run, kind, name);
  const decision = target(manifest, installed, { policy: run.holds[key], failed: run.state.failed[key] });
  if (decision.action === "unavailable") {
    throw new NearsourceError("RELEASE_UNAVAILABLE", `${key}: ${decision.reason}`, { cause: offer.stale });
  }
  if (decision.action === "keep") {
    if (decision.reason !== "current") run.log.info(`${key} stays as it is: ${decision.reason}`);
    return installed;
  }
  const { release, version, files } = decision.release;
  return { kind, name, release, version, files };
}

async function fetchMissing(
  run: Run,
  source: Source,
  components: InstalledComponent[],
  offer: Offer,
  gathered: Gathered,
): Promise<void> {
  const missing: { component: InstalledComponent; object: ObjectName }[] = [];
  for (const component of components) {
    if (component === installedOf(run, component.kind, component.name)) continue;
    for (const object of component.files) {
      if (!(await inStore(run.dirs, object))) missing.push({ component, object });
    }
  }
  await checkSpace(
    run,
    missing.map(({ object }) => object),
  );
  for (const { component, object } of missing) {
    const bytes = await fetchObject(run, source, component, object, gathered);
    const key = `${component.kind}/${component.name}`;
    run.fetched.set(key, (run.fetched.get(key) ?? 0) + bytes);
  }
  if (missing.length > 0 && offer.stale !== undefined) {
    run.log.info(`${source.url} is behind with its metadata; its objects are the signed ones`);
  }
}

async function fetchObject(
  run: Run,
  source: Source,
  component: InstalledComponent,
  object: ObjectName,
  gathered: Gathered,
): Promise<number> {
  // The same bytes may be named by two components.
  if (await inStore(run.dirs, object)) return 0;
  const { kind, name } = component;
  const fetched = await retrying(run, () =>
    downloadObject(run.dirs, run.fetcher, `${source.url}/${objectPath(object.sha256)}`, object, {
      viaProxy: source.viaProxy,
      signal: run.signal,
      onReceived: (length) => {
        gathered.bytes += length;
      },
      onProgress: (received) =>
        run.emit({ type: "progress", kind, component: name, received, length: object.length }),
    }),
  );
  gathered.address = fetched.address ?? gathered.address;
  return fetched.bytes;
}

/** Before the first byte: room for what is missing of everything, and a little to work with. */
async function checkSpace({ dirs }: Run, objects: ObjectName[]): Promise<void> {
  let wanted = 1_048_576;
  for (const object of objects) wanted += object.length - (await partialLength(dirs, object));
  if (objects.length === 0) return;
  const { bavail, bsize } = await statfs(dirs.root);
  const free = bavail * bsize;
  if (free >= wanted) return;
  throw new NearsourceError(
    "DISK_FULL",
    `${dirs.root} has ${free} bytes free, and this update needs ${wanted}`,
    {
      hint: "free some space; what was fetched already is kept",
    },
  );
}

/** One source's few, short retries: only for what a fresh connection often mends. */
async function retrying<Result>(run: Run, work: () => Promise<Result>): Promise<Result> {
  return await pRetry(work, {
    ...RETRY,
    randomize: true,
    shouldRetry: ({ error }) => error instanceof NearsourceError && DISPOSITIONS[error.code] === "retry here",
    ...(run.signal === undefined ? {} : { signal: run.signal }),
  });
}
