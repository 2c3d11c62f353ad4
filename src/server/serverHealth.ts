import type { ServerResponse } from "node:http";
import type { Expiry } from "../core/fleet/expiry.ts";
import { explainError } from "../errors.ts";
import { NO_PAGE } from "./api/securityHeaders.ts";
import type { Context } from "./context.ts";
import { certificateExpiries, metadataExpiries } from "./expiries.ts";
import { forgetOldAccess, forgetOldReports, forgetOldTraffic, retireUnheard } from "./fleet/fleetUpkeep.ts";
import { resignIfDue } from "./settings/resign.ts";
import { isAnswering } from "./store/database.ts";
import { heldConditions } from "./store/watch/conditionStore.ts";
import { countGivenUp } from "./store/watch/webhookStore.ts";
import { watchConditions } from "./watch/watchConditions.ts";

/** Interval (ms) at which the settings' signatures are looked after. */
const INTERVAL = 600_000;

/** Looks after signatures now and then: what has to be signed again is, and what has ended is known. */
export function startUpkeep(context: Context): () => Promise<void> {
  let work = lookAfter(context);
  const timer = setInterval(() => {
    work = work.then(() => lookAfter(context));
  }, INTERVAL);
  return async () => {
    clearInterval(timer);
    await work;
  };
}

/** One look. It does not fail: its failures are what `context.upkeep` says. */
export async function lookAfter(context: Context): Promise<void> {
  await resignIfDue(context);
  await retireUnheard(context);
  await forgetOldTraffic(context);
  await forgetOldReports(context);
  await forgetOldAccess(context);
  await watchConditions(context);
  try {
    const all = [...(await metadataExpiries(context)), ...(await certificateExpiries(context))];
    const wrong = all.filter(({ state, reason }) => state === "ended" || reason !== null);
    context.upkeep.failing = new Set(wrong.map(({ area }) => area));
    context.upkeep.ending = new Set(all.filter(isForPeople).map(({ area }) => area));
  } catch (error) {
    context.log.error(`the expiries could not be read: ${explainError(error)}`);
    context.upkeep.failing = new Set<Expiry["area"]>(["settings"]);
  }
}

/** Whether something ends soon that nobody renews but a person. */
function isForPeople({ state, area, what }: Expiry): boolean {
  return state === "soon" && (area === "certificate" || what.endsWith(" root"));
}

/** Health of the server, for whoever asks: areas that do not work, and no more. */
export interface Health {
  ok: boolean;
  failing: string[];
  /** Areas in which something ends soon, and a person has to act. */
  ending: string[];
  /** Parts that do not do all they should, while the server does its work: `broker`, `publish`, `webhooks`, `mirror`, `mirror-files`. */
  ailing: string[];
}

/** The areas that do not work: the database as it is now, signatures as they were at the last look. */
export async function healthOf(context: Context): Promise<Health> {
  const { database, upkeep } = context;
  const isThere = await isAnswering(database);
  const areas = new Set([...upkeep.failing, ...(upkeep.publishing === undefined ? [] : ["settings"])]);
  const failing = [...(isThere ? [] : ["database"]), ...areas];
  const ending = [...upkeep.ending].filter((area) => !failing.includes(area));
  const ailing = isThere ? await ailingParts(context).catch(() => []) : [];
  return { ok: failing.length === 0, failing, ending, ailing };
}

async function ailingParts({ database: { db }, broker, upkeep, mirror }: Context): Promise<string[]> {
  const parts: string[] = [];
  if (broker?.isTold === false) parts.push("broker");
  if (upkeep.copying?.() !== undefined) parts.push("publish");
  if ((await countGivenUp(db)) > 0) parts.push("webhooks");
  if ((await heldConditions(db)).some(({ kind }) => kind === "mirror")) parts.push("mirror");
  if ((mirror.verified?.missing ?? 0) > 0) parts.push("mirror-files");
  return parts;
}

/** `GET /healthz`: 200 or 503. */
export async function answerHealth(context: Context, response: ServerResponse): Promise<void> {
  const health = await healthOf(context);
  const headers = { "content-type": "application/json", "cache-control": "no-store", ...NO_PAGE };
  response.writeHead(health.ok ? 200 : 503, headers).end(JSON.stringify(health));
}
