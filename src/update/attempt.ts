import { CONTENT_KINDS, type ContentKind, type Kind } from "../core/content/kind.ts";
import { leavesOtherKinds, stopOr } from "../core/order/disposition.ts";
import type { Step } from "../core/order/updateOrder.ts";
import type { Attempt } from "../core/report.ts";
import type { NearsourceError } from "../errors.ts";
import { retrying } from "../source/retry.ts";
import { type Source, sourceOf } from "../source/source.ts";
import { deliverKind } from "./deliverKind.ts";
import type { Traffic } from "./fetchFiles.ts";
import { learnOffer } from "./learnOffer.ts";
import type { Run } from "./run.ts";
import { updateSettings } from "./settings/fetchSettings.ts";
import { patiently } from "./waitingEvents.ts";

/** What came of one source. */
export interface AttemptResult {
  attempt: Attempt;
  /** Needed kinds of which the vendor publishes nothing: no source need deliver them. */
  empty: Kind[];
  /** The errors met, in order; the first is the attempt's code. */
  errors: NearsourceError[];
}

/** What an attempt gathers as it goes. */
interface Gathered extends Traffic {
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
  const { fetcher, waited } = patiently(run, step);
  const own: Run = { ...run, fetcher };
  const gathered: Gathered = {
    address: undefined,
    bytes: 0,
    planned: 0,
    setbacks: [],
    delivered: [],
    changed: false,
    empty: [],
    errors: [],
  };
  const parts: ((gathered: Gathered) => Promise<void>)[] = [];
  if (kinds.includes("settings")) parts.push((all) => deliverSettings(own, source, all));
  const content = CONTENT_KINDS.filter((kind) => kinds.includes(kind));
  if (content.length > 0) parts.push((all) => deliverContent(own, source, content, needed, all));
  for (const part of parts) {
    try {
      await part(gathered);
    } catch (error) {
      const failure = stopOr(error);
      gathered.errors.push(failure);
      if (!leavesOtherKinds(failure.code)) break;
    }
  }
  const attempt = { ...toAttempt(step, kinds, gathered, began), ...waited() };
  return { attempt, empty: gathered.empty, errors: gathered.errors };
}

function toAttempt(step: Step, kinds: Kind[], gathered: Gathered, began: number): Attempt {
  const { rule, clause, entry, name, url } = step;
  const { address, delivered, changed, bytes, errors, setbacks } = gathered;
  const [first] = errors;
  return {
    rule,
    clause,
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
    ...(setbacks.length === 0 ? {} : { setbacks }),
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
  const offer = await learnOffer(run, source, kinds, needed);
  gathered.address = offer.address ?? gathered.address;
  gathered.bytes += offer.bytes;
  gathered.empty = offer.empty;
  gathered.errors.push(...offer.failures);
  // Whoever says so: what was withdrawn whole is delivered by nobody, and goes.
  for (const kind of offer.empty) run.delivered.set(kind, []);
  for (const kind of kinds.filter((each) => offer.manifests.has(each))) {
    try {
      const changed = await deliverKind(run, source, kind, offer, gathered);
      gathered.delivered.push(kind);
      if (changed) gathered.changed = true;
    } catch (error) {
      const failure = stopOr(error);
      gathered.errors.push(failure);
      if (!leavesOtherKinds(failure.code)) return;
    }
  }
}
