import type { By } from "../access/auditTrail.ts";
import type { Context } from "../context.ts";
import { saveChange } from "../settings/saveDocument.ts";
import {
  DEFAULT_LIMITS,
  findRollout,
  insertRelease,
  listReleases,
  noteOffered,
  putRollout,
} from "../store/releases/releaseStore.ts";
import type { Db, Tx } from "../store/transaction.ts";
import { readNote, writeNote } from "../store/watch/noteStore.ts";
import { type OfferedRelease, offeredReleases } from "./offeredReleases.ts";
import { releasesToPublish } from "./releasesDocument.ts";

/** This program itself, as the author of a change. */
export const SERVER: By = { caller: { kind: "server" }, address: "" };

/**
 * Notes when releases were first seen, and publishes that where there are stages: until then no agent takes them
 * there. Releases that are there at the very first look were there before, and are for everybody.
 *
 * @throws Problem UNAVAILABLE where it could not be published; the next look tries again
 */
export async function seeReleases(context: Context): Promise<void> {
  const offered = await offeredReleases(context);
  if (offered === undefined) return;
  const { db } = context.database;
  const content = context.trees.versions().content ?? 0;
  const { fresh, changed } = await differenceOf(db, offered, content);
  if (fresh.length + changed.length === 0 && (await releasesToPublish(db)).length === 0) return;
  const subject = [...new Set(fresh.map(({ component }) => component))].join(", ") || "releases";
  const change = {
    ...SERVER,
    operation: "seeReleases",
    subject: subject.slice(0, 500),
    note: "",
    effect: null,
  };
  await saveChange(context, change, async (tx) => {
    // Another server may have seen them meanwhile.
    const difference = await differenceOf(tx, offered, content);
    await write(tx, context, difference);
    if (!difference.isBehind) await writeNote(tx, "releasesSeen", { content }, context.now());
    const detail = { seen: difference.fresh.slice(0, 50), changed: difference.changed.slice(0, 50) };
    return { documents: await releasesToPublish(tx), detail };
  });
}

interface Difference {
  /** Whether this is the first look there ever was. */
  isFirst: boolean;
  /** Another server has seen a newer publication: what is not in this one says nothing. */
  isBehind: boolean;
  fresh: OfferedRelease[];
  /** Releases that are offered no longer, or again. */
  changed: { component: string; release: number; offered: boolean }[];
}

async function differenceOf(db: Db, offered: OfferedRelease[], content: number): Promise<Difference> {
  const known = await listReleases(db);
  const key = ({ component, release }: { component: string; release: number }) => `${component} ${release}`;
  const [names, here] = [new Set(known.map(key)), new Set(offered.map(key))];
  const isBehind = ((await readNote(db, "releasesSeen"))?.content ?? 0) > content;
  const changed = known
    .filter((each) => each.offered !== here.has(key(each)))
    .map(({ component, release, offered }) => ({ component, release, offered: !offered }));
  const fresh = offered.filter((each) => !names.has(key(each)));
  return { isFirst: known.length === 0, isBehind, fresh, changed: isBehind ? [] : changed };
}

async function write(tx: Tx, { now }: Context, { isFirst, fresh, changed }: Difference): Promise<void> {
  const seenAt = isFirst ? 0 : now();
  for (const each of fresh) {
    if ((await findRollout(tx, each.component)) === undefined) {
      const first = { stages: [], limits: DEFAULT_LIMITS, pin: null, version: 1, author: "server" };
      await putRollout(tx, { component: each.component, ...first, changedAt: now() });
    }
    await insertRelease(tx, { ...each, seenAt, offered: true });
  }
  for (const each of changed) await noteOffered(tx, each);
}
