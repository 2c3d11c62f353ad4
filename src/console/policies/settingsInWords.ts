import { formatBytes, formatDuration } from "../../core/amounts.ts";
import type { Item } from "../api/bodies.ts";
import { kindWords, words } from "../words.ts";

type Policy = Pick<Item<"listPolicies">, "settings" | "updateAgent">;

/** The things that a policy sets, in one line. */
export function settingsInWords({ settings, updateAgent }: Policy): string {
  const { schedule, rateLimit, activeUpdate, kinds, holds } = settings as {
    schedule?: { cron?: string; interval?: number };
    rateLimit?: number | { bytesPerSecond: number };
    activeUpdate?: boolean;
    kinds?: string[];
    holds?: Record<string, number>;
  };
  const rate = typeof rateLimit === "object" ? rateLimit.bytesPerSecond : rateLimit;
  const said = [
    updateAgent.kinds.length > 0 ? words.policies.saysRole(kindWords(updateAgent.kinds)) : undefined,
    activeUpdate === true ? words.policies.saysPrivilege : undefined,
    schedule?.interval === undefined
      ? undefined
      : words.policies.saysEvery(formatDuration(schedule.interval)),
    schedule?.cron === undefined ? undefined : words.policies.saysCron(schedule.cron),
    rate === undefined ? undefined : words.policies.saysRate(formatBytes(rate)),
    kinds === undefined ? undefined : words.policies.saysKinds(kindWords(kinds)),
    ...Object.entries(holds ?? {}).map(([name, release]) => words.policies.saysHold(name, release)),
  ].filter((each) => each !== undefined);
  return said.length === 0 ? words.policies.saysNothing : said.join("; ");
}
