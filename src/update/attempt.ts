import type { InstalledComponent } from "../core/content/chooseRelease.ts";
import { CONTENT_KINDS, type ContentKind, type Kind } from "../core/content/kind.ts";
import { leavesOtherKinds, stopOr } from "../core/order/disposition.ts";
import type { Step } from "../core/order/plan.ts";
import type { Attempt, Installed, Setback } from "../core/report.ts";
import type { NearsourceError } from "../errors.ts";
import { retrying } from "../source/retry.ts";
import { type Source, sourceOf } from "../source/source.ts";
import { deliverKind, type HeldReleases } from "./deliverKind.ts";
import { fetcherOfStep } from "./fetcherOfStep.ts";
import { type FetchedByName, sumOf } from "./fetchFiles.ts";
import { learnOffer, type Offer } from "./learnOffer.ts";
import type { Run } from "./run.ts";
import { updateSettings } from "./settings/fetchSettings.ts";

/** The components that sources delivered: one of them in an attempt, or all of a run. */
export interface Delivery {
  /** Per content kind that was delivered: its components as they are to be installed. */
  components: ReadonlyMap<ContentKind, InstalledComponent[]>;
  /** Settings documents that changed. */
  settings: readonly Installed[];
  fetched: FetchedByName;
  /** Per content kind that was delivered: the releases that are not for this agent, or not yet. */
  held: ReadonlyMap<ContentKind, HeldReleases>;
}

export const NOTHING_DELIVERED: Delivery = {
  components: new Map(),
  settings: [],
  fetched: new Map(),
  held: new Map(),
};

/** Two deliveries as one, of which the later counts. */
export function withDelivery(earlier: Delivery, later: Delivery): Delivery {
  return {
    components: new Map([...earlier.components, ...later.components]),
    settings: [...earlier.settings, ...later.settings],
    fetched: sumOf(earlier.fetched, later.fetched),
    held: new Map([...earlier.held, ...later.held]),
  };
}

/** The result of one source, or of one part of the kinds it was asked for. */
interface Part extends Delivery {
  delivered: Kind[];
  /** Whether it was anything new. */
  changed: boolean;
  /** Needed kinds of which the vendor publishes nothing: no source need deliver them. */
  empty: ContentKind[];
  /** The errors met, in order; the first is the attempt's code. */
  errors: NearsourceError[];
  address: string | undefined;
  bytes: number;
  /** Of these, the bytes that were thrown away. */
  wasted: number;
  setbacks: Setback[];
}

const NO_PART: Part = {
  ...NOTHING_DELIVERED,
  delivered: [],
  changed: false,
  empty: [],
  errors: [],
  address: undefined,
  bytes: 0,
  wasted: 0,
  setbacks: [],
};

function withPart(earlier: Part, later: Part): Part {
  return {
    ...withDelivery(earlier, later),
    delivered: [...earlier.delivered, ...later.delivered],
    changed: earlier.changed || later.changed,
    empty: [...earlier.empty, ...later.empty],
    errors: [...earlier.errors, ...later.errors],
    address: later.address ?? earlier.address,
    bytes: earlier.bytes + later.bytes,
    wasted: earlier.wasted + later.wasted,
    setbacks: [...earlier.setbacks, ...later.setbacks],
  };
}

/** The result of one source, with its entry in the report. */
export type AttemptResult = Pick<Part, keyof Delivery | "empty" | "errors"> & { attempt: Attempt };

/**
 * One try of one source for `kinds`. Kinds are independent: if one fails, another may still succeed, unless
 * the source as a whole turns out to be of no use.
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
  const { fetcher, noted } = fetcherOfStep(run, step);
  const own: Run = { ...run, fetcher };
  const content = CONTENT_KINDS.filter((kind) => kinds.includes(kind));
  let all = NO_PART;
  if (kinds.includes("settings")) all = await deliverSettings(own, source);
  if (content.length > 0 && all.errors.every(({ code }) => leavesOtherKinds(code))) {
    all = await deliverContent(own, source, content, needed, all);
  }
  const { components, settings, fetched, held, empty, errors } = all;
  const attempt = { ...toAttempt(step, kinds, all, began), ...noted() };
  return { attempt, components, settings, fetched, held, empty, errors };
}

function toAttempt(step: Step, kinds: Kind[], part: Part, began: number): Attempt {
  const { rule, clause, entry, name, url } = step;
  const { address, delivered, changed, bytes, wasted, errors, setbacks } = part;
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
    ...(wasted === 0 ? {} : { wasted }),
    ...(setbacks.length === 0 ? {} : { setbacks }),
  };
}

async function deliverSettings(run: Run, source: Source): Promise<Part> {
  try {
    const { changes, address, bytes } = await retrying(run, () => updateSettings(run, source));
    const changed = changes.length > 0;
    return { ...NO_PART, delivered: ["settings"], settings: changes, changed, address, bytes };
  } catch (error) {
    return failed(error);
  }
}

/** Offer first, then kind after kind, added to the earlier results of the attempt. */
async function deliverContent(
  run: Run,
  source: Source,
  kinds: ContentKind[],
  needed: Kind[],
  earlier: Part,
): Promise<Part> {
  let all = earlier;
  try {
    const offer = await learnOffer(run, source, kinds, needed);
    const { empty, failures: errors, address, bytes } = offer;
    // Kinds that were withdrawn whole are removed, whichever source says so: no source delivers them.
    const components = new Map(empty.map((kind) => [kind, []]));
    all = withPart(all, { ...NO_PART, components, empty, errors, address, bytes });
    for (const kind of kinds.filter((each) => offer.manifests.has(each))) {
      const part = await deliverPart(run, source, kind, offer, all.bytes);
      all = withPart(all, part);
      if (!part.errors.every(({ code }) => leavesOtherKinds(code))) break;
    }
    return all;
  } catch (error) {
    return withPart(all, failed(error));
  }
}

async function deliverPart(
  run: Run,
  source: Source,
  kind: ContentKind,
  offer: Offer,
  before: number,
): Promise<Part> {
  try {
    const { components, changed, fetched, held } = await deliverKind(run, source, kind, offer, before);
    const { address, bytes = 0, wasted = 0, setbacks = [], failure } = fetched ?? {};
    const came = { ...NO_PART, fetched: fetched?.components ?? new Map(), address, bytes, wasted, setbacks };
    if (failure !== undefined) return { ...came, errors: [failure] };
    const brought = { components: new Map([[kind, components]]), held: new Map([[kind, held]]) };
    return { ...came, ...brought, delivered: [kind], changed };
  } catch (error) {
    return failed(error);
  }
}

/** @throws the error itself where it stops the run */
function failed(error: unknown): Part {
  return { ...NO_PART, errors: [stopOr(error)] };
}
