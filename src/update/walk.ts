import type { Log } from "../config/log.ts";
import type { Kind } from "../core/content/kind.ts";
import { repositoryOf } from "../core/content/layout.ts";
import { isLie } from "../core/order/disposition.ts";
import type { Step, UpdateOrder } from "../core/order/plan.ts";
import type { Attempt, Skipped } from "../core/report.ts";
import { type ErrorCode, explainError, type NearsourceError } from "../errors.ts";
import { inOrder, type Tried } from "../source/inOrder.ts";
import { describeRole } from "../tuf/trustedSet.ts";
import { attemptSource, type Delivery, withDelivery } from "./attempt.ts";
import type { Run } from "./run.ts";

/** The state of a run before the first source of its order is asked. */
export interface WalkStart {
  needed: Kind[];
  /** The documents that came with the settings. */
  delivery: Delivery;
  /** Sources that were of no use already, by base URL, with the reason. */
  dead: [url: string, reason: ErrorCode][];
  /** The server, where its settings turned out to be of no use. */
  withoutSettings: string | undefined;
}

/** The result of a run's order. */
export interface Walked {
  delivery: Delivery;
  attempts: Attempt[];
  skipped: Skipped[];
  /** Kinds that no source delivered. */
  undelivered: ReadonlySet<Kind>;
  /** The steps whose sources are still of use. */
  left: Step[];
}

/** Walks the plan: entry after entry, for the kinds still needed, until none is or the plan ends. */
export async function walkOrder(run: Run, order: UpdateOrder, start: WalkStart): Promise<Walked> {
  const needed = new Set(start.needed);
  const dead = new Map(start.dead);
  const attempts: Attempt[] = [];
  const skipped: Skipped[] = [...order.skipped];
  /** Kinds delivered by a source that does not have yet the version that this run was notified of. */
  const behind = new Set<Kind>();
  let { delivery } = start;
  const attempt = async (step: Step, kinds: Kind[]): Promise<Tried> => {
    const { rule, name, url } = step;
    run.emit({ type: "source", rule, ...(name ? { name } : {}), url, kinds });
    const result = await attemptSource(run, step, kinds, [...needed]);
    delivery = withDelivery(delivery, result);
    attempts.push(result.attempt);
    run.emit({ type: "attempt", attempt: result.attempt });
    logAttempt(run.log, result.attempt, result.errors);
    const delivered = [...result.attempt.delivered, ...result.empty];
    for (const kind of delivered) if (isBehind(run, kind)) behind.add(kind);
    return { delivered: delivered.filter((kind) => !isBehind(run, kind)), errors: result.errors };
  };
  const onDead = (step: Step, code: ErrorCode) => {
    skipped.push(skippedStep(step, `it failed earlier in this run (${code})`));
  };
  const steps = order.steps.map((step) =>
    step.url === start.withoutSettings ? withoutSettings(step) : step,
  );
  await inOrder(steps, needed, attempt, { dead, onDead });
  // No source had the announced version: the delivered one is the most current available.
  const undelivered = needed.difference(behind);
  const left = order.steps.filter(({ url }) => !dead.has(url));
  return { delivery, attempts, skipped, undelivered, left };
}

function withoutSettings(step: Step): Step {
  return { ...step, kinds: step.kinds.filter((kind) => kind !== "settings") };
}

/** Whether the trusted timestamp is older than the one this run was notified of. */
function isBehind({ notified, trusted }: Run, kind: Kind): boolean {
  const repository = repositoryOf(kind);
  const held = describeRole(trusted[repository]?.files.get("timestamp.json"))?.version ?? 0;
  return held < (notified[repository] ?? 0);
}

function skippedStep({ rule, entry, name, url }: Step, reason: string): Skipped {
  return {
    rule,
    ...(entry === undefined ? {} : { entry }),
    ...(name === undefined ? {} : { name }),
    url,
    reason,
  };
}

function logAttempt(log: Log, attempt: Attempt, errors: NearsourceError[]): void {
  const source = attempt.name ?? attempt.url;
  for (const error of errors) {
    const line = `${source}: ${explainError(error)} (${error.code})`;
    // A source that lied is worth a person's attention even though the run goes on.
    log[isLie(error.code) ? "error" : "warn"](line, { attempt });
  }
  if (attempt.delivered.length === 0) return;
  const what = attempt.outcome === "current" ? "nothing new" : `${attempt.bytes} bytes`;
  log.info(`${source}: ${attempt.delivered.join(", ")} (${what}, ${attempt.ms} ms)`, { attempt });
}
