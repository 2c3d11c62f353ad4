import type { Rollout } from "../../core/settings/rollout.ts";
import { isUnchanged, type NewDocument } from "../settings/saveDocument.ts";
import {
  listReleases,
  listRollouts,
  type StoredRelease,
  type StoredRollout,
} from "../store/releases/releaseStore.ts";
import { newestDocument } from "../store/settings/documentStore.ts";
import type { Db } from "../store/transaction.ts";

/** The document that agents decide by. */
const RELEASES = "releases";

/** `settings/releases.json` as it has to be now; none where it is so already, or where nothing is to be said. */
export async function releasesToPublish(db: Db): Promise<NewDocument[]> {
  const releases = await listReleases(db);
  const components: Record<string, unknown> = {};
  for (const rollout of await listRollouts(db)) {
    const said = rolloutToSign(
      rollout,
      releases.filter(({ component }) => component === rollout.component),
    );
    if (said !== undefined) components[rollout.component] = said;
  }
  const document = { name: RELEASES, document: { components } };
  const isEmpty = Object.keys(components).length === 0 && (await newestDocument(db, RELEASES)) === undefined;
  return isEmpty || (await isUnchanged(db, document)) ? [] : [document];
}

/** The rollout of a component as agents are to know it; undefined where its releases are for everybody at once. */
export function rolloutToSign(rollout: StoredRollout, releases: StoredRelease[]): Rollout | undefined {
  const offered = releases.filter((each) => each.offered);
  const { stages, pin } = rollout;
  const seen = stages.length === 0 ? [] : offered.map(({ release, seenAt }) => ({ release, at: seenAt }));
  const halted = offered.flatMap(({ release, halt }) =>
    halt === null ? [] : [{ release, at: halt.at, ...(halt.reason === "" ? {} : { reason: halt.reason }) }],
  );
  if (stages.length === 0 && halted.length === 0 && pin === null) return undefined;
  return { stages, seen, halted, ...(pin === null ? {} : { pin }) };
}
