import { isResignDue } from "../../core/fleet/expiry.ts";
import { explainError, toNearsourceError } from "../../errors.ts";
import { describeRoles } from "../../publisher/describe.ts";
import { renewRepository } from "../../publisher/renewRepository.ts";
import type { Context } from "../context.ts";
import { followSettings, publishSettings } from "../publication/settingsTree.ts";
import { readNote, writeNote } from "../store/watch/noteStore.ts";
import { settingsPlace } from "./publishDocument.ts";

/**
 * Signs the settings' timestamp again where that is due, with each role that has less than half of its
 * lifetime left. Why it could not is kept in the database, for every server to show, until one of them can.
 */
export async function resignIfDue(context: Context): Promise<void> {
  const { database, now, log } = context;
  try {
    const place = settingsPlace(context);
    const { roles, signedAt } = await describeRoles({ ...place, repository: "settings" });
    const expires = Date.parse(roles.find(({ role }) => role === "timestamp")?.expires ?? "");
    const failure = await readNote(database.db, "resigning");
    if (failure === undefined && !isResignDue(millisecondsOf(signedAt), expires, now())) return;
    const renewed = await publishSettings(
      context,
      async (signing) => await renewRepository({ ...signing, repository: "settings", now: new Date(now()) }),
      async () => {},
    );
    await followSettings(context);
    const [skipped] = renewed.skipped;
    const lost = { reason: `the key of ${skipped} is not in ${place.keysDir}`, remedy: "put the key back" };
    await note(context, skipped === undefined ? undefined : lost);
  } catch (error) {
    const { hint = "see the server's log" } = toNearsourceError(error);
    log.error(`the settings could not be signed again: ${explainError(error)}`);
    await note(context, { reason: explainError(error), remedy: hint });
  }
}

/** It does not fail: a database that is gone is said elsewhere. */
async function note(
  { database, now, log }: Context,
  failure: { reason: string; remedy: string } | undefined,
): Promise<void> {
  await writeNote(database.db, "resigning", failure, now()).catch((error) => {
    log.error(`it could not be written down: ${explainError(error)}`);
  });
}

function millisecondsOf(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time);
}
