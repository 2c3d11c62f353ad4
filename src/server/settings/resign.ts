import { isResignDue } from "../../core/fleet/expiry.ts";
import { explainError, toNearsourceError } from "../../errors.ts";
import { describeRoles } from "../../publisher/describe.ts";
import { renewRepository } from "../../publisher/renewRepository.ts";
import type { Context } from "../context.ts";
import { followSettings, publishSettings } from "../publication/settingsTree.ts";
import { settingsPlace } from "./publishDocument.ts";

/**
 * Signs the settings' timestamp again where that is due, with each role that has less than half of its
 * lifetime left. Why it could not is kept in `context.upkeep`, until it can.
 */
export async function resignIfDue(context: Context): Promise<void> {
  const { now, upkeep, log } = context;
  try {
    const place = settingsPlace(context);
    const { roles, signedAt } = await describeRoles({ ...place, repository: "settings" });
    const expires = Date.parse(roles.find(({ role }) => role === "timestamp")?.expires ?? "");
    if (upkeep.resigning === undefined && !isResignDue(millisecondsOf(signedAt), expires, now())) return;
    const renewed = await publishSettings(
      context,
      async (signing) => await renewRepository({ ...signing, repository: "settings", now: new Date(now()) }),
      async () => {},
    );
    await followSettings(context);
    const [skipped] = renewed.skipped;
    const lost = { reason: `the key of ${skipped} is not in ${place.keysDir}`, remedy: "put the key back" };
    upkeep.resigning = skipped === undefined ? undefined : lost;
  } catch (error) {
    const { hint = "see the server's log" } = toNearsourceError(error);
    upkeep.resigning = { reason: explainError(error), remedy: hint };
    log.error(`the settings could not be signed again: ${explainError(error)}`);
  }
}

function millisecondsOf(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time);
}
