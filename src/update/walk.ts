import type { Log } from "../config/log.ts";
import type { Kind } from "../core/content/kind.ts";
import { repositoryOf } from "../core/content/layout.ts";
import { endsSource, isLie } from "../core/order/disposition.ts";
import type { Step, UpdateOrder } from "../core/order/updateOrder.ts";
import type { Attempt, Skipped } from "../core/report.ts";
import { type ErrorCode, explainError, type NearsourceError } from "../errors.ts";
import { describeRole } from "../tuf/trustedSet.ts";
import { attemptSource } from "./attempt.ts";
import type { Run } from "./run.ts";

/** How far a run has come in its order. */
export interface Walk {
  kinds: Kind[];
  /** Kinds that no source has delivered yet. */
  needed: Set<Kind>;
  /** Kinds that no source could. */
  uncovered: Kind[];
  /** Of those, the ones that a source delivered which has not yet what this run was told of. */
  behind: Set<Kind>;
  /** Sources found useless in this run, by base URL, with the reason. */
  dead: Map<string, ErrorCode>;
  /** The server, where its settings turned out to be of no use. */
  withoutSettings?: string | undefined;
  attempts: Attempt[];
  skipped: Skipped[];
}

/**
 * A walk that has not begun.
 *
 * @param uncovered kinds that no step can deliver
 */
export function startWalk(kinds: Kind[], uncovered: Kind[], order: UpdateOrder): Walk {
  return {
    kinds,
    needed: new Set(kinds),
    behind: new Set(),
    uncovered,
    dead: new Map(),
    attempts: [],
    skipped: [...order.skipped],
  };
}

/** Walks the plan: entry after entry, for what is still needed, until nothing is or the plan ends. */
export async function walkOrder(run: Run, order: UpdateOrder, walk: Walk): Promise<void> {
  for (const step of order.steps) {
    const isLost = (kind: Kind) => kind === "settings" && step.url === walk.withoutSettings;
    const kinds = step.kinds.filter((kind) => walk.needed.has(kind) && !isLost(kind));
    if (kinds.length === 0) continue;
    const code = walk.dead.get(step.url);
    if (code !== undefined) {
      walk.skipped.push(skippedStep(step, `it failed earlier in this run (${code})`));
      continue;
    }
    run.emit({
      type: "source",
      rule: step.rule,
      ...(step.name ? { name: step.name } : {}),
      url: step.url,
      kinds,
    });
    const { attempt, empty, errors } = await attemptSource(run, step, kinds, [...walk.needed]);
    walk.attempts.push(attempt);
    run.emit({ type: "attempt", attempt });
    logAttempt(run.log, attempt, errors);
    const had = [...attempt.delivered, ...empty];
    for (const kind of had) {
      if (isBehind(run, kind)) walk.behind.add(kind);
      else walk.needed.delete(kind);
    }
    const fatal = errors.find((error) => endsSource(error.code));
    if (fatal !== undefined) walk.dead.set(step.url, fatal.code);
    if (walk.needed.size === 0) return;
  }
  // Nobody had what was announced: what is there is as current as it can be had.
  for (const kind of walk.behind) walk.needed.delete(kind);
}

/** Whether what is trusted is older than what this run was told of. */
function isBehind({ told, trusted }: Run, kind: Kind): boolean {
  const repository = repositoryOf(kind);
  const held = describeRole(trusted[repository]?.files.get("timestamp.json"))?.version ?? 0;
  return held < (told[repository] ?? 0);
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
