/** Lowest and highest number of each of the five fields. */
const BOUNDS = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const;

/**
 * Stands in the page for the library of cron expressions, which is a fifteenth of the page: it looks
 * whether each number is within its field, as far as that is plain. Whether there is a slot, the server says, which
 * refuses what has none. Never tighter than the library (`test/console/cronShape.test.ts`).
 */
export class Cron {
  /** @throws Error for a field that cannot be */
  constructor(expression: string) {
    if (expression.startsWith("@")) return;
    for (const [index, field] of expression.trim().split(/\s+/).entries()) {
      for (const part of field.split(",")) checkPart(part, BOUNDS[index] ?? [0, 59]);
    }
  }

  /** A moment, which stands for "there may be one". */
  nextRun(): Date {
    return new Date(0);
  }
}

function checkPart(part: string, [least, most]: readonly [number, number]): void {
  if (!/^[\w*?#+/-]+$/.test(part)) throw new Error(`"${part}" stands for no time`);
  const [range = ""] = part.split("/");
  if (!/^\d+(-\d+)?$/.test(range)) return;
  const wrong = range.split("-").find((each) => Number(each) < least || Number(each) > most);
  if (wrong !== undefined) throw new Error(`${wrong} is not within ${least} to ${most}`);
}
