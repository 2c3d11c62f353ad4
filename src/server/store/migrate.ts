import type { Kysely } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { NearsourceError } from "../../errors.ts";
import { withSameColumns } from "./dialect.ts";
import * as first from "./migrations/0001First.ts";
import * as policies from "./migrations/0002Policies.ts";
import * as notifications from "./migrations/0003Notifications.ts";
import * as reports from "./migrations/0004Reports.ts";
import * as traffic from "./migrations/0005Traffic.ts";
import * as releases from "./migrations/0006Releases.ts";
import * as fleet from "./migrations/0007Fleet.ts";
import * as access from "./migrations/0008Access.ts";
import * as watching from "./migrations/0009Watching.ts";
import * as publishedFiles from "./migrations/0010PublishedFiles.ts";
import * as load from "./migrations/0011Load.ts";
import * as dnsSuffixes from "./migrations/0012DnsSuffixes.ts";
import * as filteredLists from "./migrations/0013FilteredLists.ts";
import * as tokenMakers from "./migrations/0019TokenMakers.ts";
import * as actors from "./migrations/0020Actors.ts";
import * as reaches from "./migrations/0021Reaches.ts";
import * as openIdPlaces from "./migrations/0022OpenIdPlaces.ts";
import * as failedCodes from "./migrations/0035FailedCodes.ts";
import * as wastedBytes from "./migrations/0038WastedBytes.ts";
import * as rejections from "./migrations/0039Rejections.ts";
import * as ownNames from "./migrations/0040OwnNames.ts";
import * as agentPaths from "./migrations/0042AgentPaths.ts";
import * as droppedEvents from "./migrations/0043DroppedEvents.ts";
import * as plannedUrl from "./migrations/0050PlannedUrl.ts";
import * as listVersions from "./migrations/0051ListVersions.ts";
import * as notifiedRuns from "./migrations/0052NotifiedRuns.ts";
import type { Tables } from "./tables.ts";

/** Every step there ever was, in order. A record, since one executable has no folder of them. */
export const MIGRATIONS: Record<string, Migration> = {
  "0001First": first,
  "0002Policies": policies,
  "0003Notifications": notifications,
  "0004Reports": reports,
  "0005Traffic": traffic,
  "0006Releases": releases,
  "0007Fleet": fleet,
  "0008Access": access,
  "0009Watching": watching,
  "0010PublishedFiles": publishedFiles,
  "0011Load": load,
  "0012DnsSuffixes": dnsSuffixes,
  "0013FilteredLists": filteredLists,
  "0019TokenMakers": tokenMakers,
  "0020Actors": actors,
  "0021Reaches": reaches,
  "0022OpenIdPlaces": openIdPlaces,
  "0035FailedCodes": failedCodes,
  "0038WastedBytes": wastedBytes,
  "0039Rejections": rejections,
  "0040OwnNames": ownNames,
  "0042AgentPaths": agentPaths,
  "0043DroppedEvents": droppedEvents,
  "0050PlannedUrl": plannedUrl,
  "0051ListVersions": listVersions,
  "0052NotifiedRuns": notifiedRuns,
};

/**
 * Brings a database to the newest version, all steps or none of them. Several servers that start at once wait
 * for the one that does it.
 *
 * @throws NearsourceError DATABASE_NEWER for a database of a newer program, STORAGE_FAILED
 */
export async function migrate(db: Kysely<Tables>, steps = MIGRATIONS): Promise<void> {
  const provider = { getMigrations: async () => steps };
  const { error } = await new Migrator({ db: withSameColumns(db), provider }).migrateToLatest();
  if (error === undefined) return;
  if (/previously executed migration .* is missing/.test((error as Error).message)) {
    throw new NearsourceError("DATABASE_NEWER", "the database is of a newer version of this program", {
      cause: error,
      hint: "start the newer program, or put the backup from before it back",
    });
  }
  throw new NearsourceError("STORAGE_FAILED", "the database could not be brought to this version", {
    cause: error,
    hint: "nothing in it was changed",
  });
}
