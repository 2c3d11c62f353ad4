import pMap from "p-map";
import type { ContentKind } from "../core/content/kind.ts";
import { manifestTarget } from "../core/content/layout.ts";
import { type Manifest, parseComponentName, parseManifest } from "../core/content/manifest.ts";
import { leavesOtherKinds, stopOr } from "../core/order/disposition.ts";
import { NearsourceError } from "../errors.ts";
import { turnsEvery } from "../store/turns.ts";
import type { Refreshed } from "../tuf/refresh.ts";
import type { TrustedSet } from "../tuf/trustedSet.ts";

/** Small files fetched at a time: their cost is the waiting. */
const AT_ONCE = 4;

/** The manifests of some kinds, by kind. */
export type Manifests = Map<ContentKind, Manifest[]>;

/** The documents that a refresh brought of each kind. */
export interface Collected {
  /** The documents of the kinds that are whole, with the held ones of other kinds. */
  documents: Map<string, Buffer>;
  manifests: Manifests;
  /**
   * The reasons why kinds are not whole. A kind that was not asked for, since an earlier failure ended the
   * source, has no error of its own.
   */
  failures: Map<ContentKind, NearsourceError>;
}

/**
 * The manifests of `kinds` as this refresh names them. Kinds are independent: if one cannot be fetched whole,
 * or is signed wrongly, its held documents stay as they are.
 *
 * @param again makes a request, and makes it once more where that helps
 * @throws NearsourceError the first failure, when no kind could be fetched; and any error that no source
 *   could mend
 */
export async function collectManifests(
  refreshed: Refreshed,
  trusted: TrustedSet,
  kinds: ContentKind[],
  again: <Result>(work: () => Promise<Result>) => Promise<Result> = (work) => work(),
): Promise<Collected> {
  const collected: Collected = { documents: new Map(), manifests: new Map(), failures: new Map() };
  const { documents, manifests, failures } = collected;
  for (const kind of kinds) {
    try {
      const own = await documentsOf(refreshed, kind, again);
      manifests.set(kind, await readInTurns(kind, own));
      for (const [target, bytes] of own) documents.set(target, bytes);
    } catch (error) {
      const failure = stopOr(error);
      failures.set(kind, failure);
      if (!leavesOtherKinds(failure.code)) break;
    }
  }
  const [failure] = failures.values();
  if (manifests.size === 0 && failure !== undefined) throw failure;
  const isOther = (target: string) => ![...manifests.keys()].some((kind) => target.startsWith(`${kind}/`));
  for (const [target, bytes] of trusted.documents) if (isOther(target)) documents.set(target, bytes);
  return collected;
}

/** The documents of one kind, a few at a time. The first failure is thrown once none is under way any more. */
async function documentsOf(
  refreshed: Refreshed,
  kind: ContentKind,
  again: <Result>(work: () => Promise<Result>) => Promise<Result>,
): Promise<Map<string, Buffer>> {
  const names = await again(() => refreshed.names(kind));
  for (const name of names) checkName(kind, name);
  const failures: unknown[] = [];
  const turn = turnsEvery(50);
  const fetch = async (name: string) => {
    await turn();
    if (failures.length > 0) return undefined;
    return await again(() => refreshed.document(manifestTarget(kind, name))).catch((error) => {
      failures.push(error);
    });
  };
  const fetched = await pMap(names, fetch, { concurrency: AT_ONCE });
  if (failures.length > 0) throw failures[0];
  const named = names.map((name, index) => [manifestTarget(kind, name), fetched[index]] as const);
  return new Map(named.flatMap(([target, bytes]) => (bytes === undefined ? [] : [[target, bytes]])));
}

async function readInTurns(kind: ContentKind, own: ReadonlyMap<string, Buffer>): Promise<Manifest[]> {
  const turn = turnsEvery(10);
  const manifests: Manifest[] = [];
  for (const [target, bytes] of own) {
    await turn();
    manifests.push(readManifest(kind, nameOf(target), bytes));
  }
  return manifests;
}

/** `virus-pattern` of `components/virus-pattern.json`. */
function nameOf(target: string): string {
  return target.slice(target.indexOf("/") + 1).replace(/\.json$/, "");
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

/**
 * The manifests of `kinds` among verified documents, by kind.
 *
 * @throws NearsourceError MANIFEST_INVALID
 */
export function readManifests(documents: ReadonlyMap<string, Buffer>, kinds: ContentKind[]): Manifests {
  const manifests: Manifests = new Map(kinds.map((kind) => [kind, []]));
  for (const [document, bytes] of documents) {
    const [kind] = document.split("/") as [ContentKind];
    manifests.get(kind)?.push(readManifest(kind, nameOf(document), bytes));
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
