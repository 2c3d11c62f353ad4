import { setTimeout as sleep } from "node:timers/promises";
import { amountOf } from "../../core/amounts.ts";
import { REJECTED_FOR } from "../../core/fleet/reports/rejections.ts";
import { explainError } from "../../errors.ts";
import { FORGET } from "../access/signInLimit.ts";
import type { Context } from "../context.ts";
import { dropOldAudit } from "../store/auditStore.ts";
import { retireAgents } from "../store/fleet/agentStore.ts";
import { dropNetworkTraffic } from "../store/fleet/networkStore.ts";
import { dropOldRejections } from "../store/fleet/rejectionStore.ts";
import { addKept, dropOldestRuns, keptBytes } from "../store/fleet/runStore.ts";
import { dropTraffic } from "../store/fleet/trafficStore.ts";
import { dropOldFailures } from "../store/people/signInFailureStore.ts";
import { transact } from "../store/transaction.ts";

const DAY = 86_400_000;

/** Days for which traffic is kept: a year, and the month to compare it with. */
const TRAFFIC_DAYS = 400;

/** Forgets traffic that is older than anybody compares with. It does not fail. */
export async function forgetOldTraffic({ database, log, now }: Context): Promise<void> {
  try {
    await transact(database.db, async (tx) => {
      await dropTraffic(tx, now() - TRAFFIC_DAYS * DAY);
      await dropNetworkTraffic(tx, now() - TRAFFIC_DAYS * DAY);
      await dropOldRejections(tx, now() - REJECTED_FOR);
    });
  } catch (error) {
    log.error(`old traffic could not be forgotten: ${explainError(error)}`);
  }
}

/** Rows that are forgotten or changed in one transaction: reports that come meanwhile hardly wait. */
const FEW = 200;
/** Pause (ms) between two of those. */
const PAUSE = 20;

/** Forgets reports that are too old, and the oldest where all of them are too large. It does not fail. */
export async function forgetOldReports(context: Context): Promise<void> {
  const { config, database, log, now } = context;
  const { days, maxBytes } = config.reports;
  try {
    if (days !== null) while ((await dropFew(context, now() - days * DAY)) === FEW) await sleep(PAUSE);
    if (maxBytes === null) return;
    while ((await keptBytes(database.db)) > maxBytes && (await dropFew(context, Number.MAX_SAFE_INTEGER)) > 0)
      await sleep(PAUSE);
  } catch (error) {
    log.error(`old reports could not be forgotten: ${explainError(error)}`);
  }
}

async function dropFew({ database, random }: Context, before: number): Promise<number> {
  return await transact(database.db, async (tx) => {
    const { count, size } = await dropOldestRuns(tx, { before, most: FEW });
    if (count > 0) await addKept(tx, -size, random(1)[0] ?? 0);
    return count;
  });
}

/** Forgets failures to sign in that nobody waits for, and of the audit log what it is not kept for. It does not fail. */
export async function forgetOldAccess({ config, database, log, now }: Context): Promise<void> {
  try {
    await transact(database.db, async (tx) => {
      await dropOldFailures(tx, now() - FORGET);
      if (config.audit.keep !== null) await dropOldAudit(tx, now() - config.audit.keep * DAY);
    });
  } catch (error) {
    log.error(`old entries of the audit log could not be forgotten: ${explainError(error)}`);
  }
}

/**
 * Retires agents that were not heard of for as long as `retireAfter` says: lists and effects leave them out, and
 * whatever they hold stays. One that is heard again is back. It does not fail.
 */
export async function retireUnheard({ config, database, log, now }: Context): Promise<void> {
  if (config.retireAfter === null) return;
  const before = now() - config.retireAfter * DAY;
  try {
    const retireFew = () =>
      transact(database.db, (tx) => retireAgents(tx, database.dialect, { before, now: now(), most: FEW }));
    let count = 0;
    for (let few = FEW; few === FEW; count += few) {
      few = await retireFew();
      if (few === FEW) await sleep(PAUSE);
    }
    if (count > 0)
      log.info(
        `${amountOf(count, "agent")} ${count === 1 ? "was" : "were"} not heard of for ${config.retireAfter} days, and ${count === 1 ? "is" : "are"} retired`,
      );
  } catch (error) {
    log.error(`agents could not be retired: ${explainError(error)}`);
  }
}
