import { explainError } from "../../errors.ts";
import { sharedNext } from "../../source/oneAtATime.ts";
import type { Context } from "../context.ts";
import { askFleet } from "../effect/fleetProcess.ts";
import { countDue } from "../store/fleet/planStore.ts";
import { notePublications } from "./expectations.ts";
import { isPlanned, planAgents } from "./planAgents.ts";

/** Interval (ms) of looks at what has changed. */
const LOOK = 2_000;
/** Up to this many agents, as report for the first time between two looks, are planned here; for more, another process does it. */
const FEW = 5_000;

/**
 * Keeps what lists of agents go by in step with the settings: the first source of each agent's order, and which
 * publications there are since when. Another server on the same database may have done it, or does it again: it comes to
 * the same.
 */
export function startPlanning(context: Context): () => Promise<void> {
  const look = sharedNext(async () => {
    await keepPlanned(context).catch((error) => {
      context.log.error(`where agents should go could not be computed: ${explainError(error)}`);
    });
  });
  let looking = look();
  const timer = setInterval(() => {
    looking = look();
  }, LOOK);
  return async () => {
    clearInterval(timer);
    await looking;
  };
}

/** One look. */
export async function keepPlanned(context: Context): Promise<void> {
  const now = context.now();
  await notePublications(context);
  if (!(await isPlanned(context))) {
    await askFleet(context, { plan: "all", now });
    return;
  }
  const due = await countDue(context.database.db, FEW + 1);
  if (due === 0) return;
  if (due <= FEW) await planAgents(context, "due", now);
  else await askFleet(context, { plan: "due", now });
}
