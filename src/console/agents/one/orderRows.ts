import type { UpdateOrder } from "../../../core/order/plan.ts";
import type { Attempt } from "../../../core/report.ts";

/** One step of the order beside the attempt that was made of it. */
export interface OrderRow {
  /** Its place in the order; undefined for an attempt that the order does not have now. */
  place: number | undefined;
  step: UpdateOrder["steps"][number] | undefined;
  attempts: Attempt[];
}

/**
 * Puts the attempts of a run beside the steps of the order as it is now, by rule, and by name or URL. The list may
 * have been another one when the run was made: attempts without a step follow at the end.
 */
export function orderRows(planned: UpdateOrder, happened: readonly Attempt[] | null): OrderRow[] {
  const left = new Set(happened ?? []);
  const rows = planned.steps.map((step, index): OrderRow => {
    const attempts = [...left].filter((attempt) => isOf(step, attempt));
    for (const each of attempts) left.delete(each);
    return { place: index + 1, step, attempts };
  });
  const others = [...left].map(
    (attempt): OrderRow => ({ place: undefined, step: undefined, attempts: [attempt] }),
  );
  return [...rows, ...others];
}

function isOf(step: UpdateOrder["steps"][number], attempt: Attempt): boolean {
  if (step.rule !== attempt.rule) return false;
  // An agent may call the server by another name than the server does.
  if (step.rule !== "custom") return true;
  // A source that the list calls by the same name is the same one, wherever it was then.
  return step.url === attempt.url || (step.name !== undefined && step.name === attempt.name);
}

/** A source as people call it. */
export function sourceName({
  rule,
  name,
  url,
}: {
  rule: string;
  name?: string | undefined;
  url?: string | undefined;
}): string {
  if (rule === "server") return "the server";
  if (rule === "active-update") return "ActiveUpdate";
  return name ?? url ?? "?";
}
