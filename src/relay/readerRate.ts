import type { Config } from "../config/configSchema.ts";
import { parseJson } from "../core/document.ts";
import { parsePolicy } from "../core/settings/policy.ts";
import type { DataDir } from "../store/dataDir.ts";
import { readTrustedSet } from "../tuf/trustedSet.ts";
import { settingsInForce } from "../update/settings/settings.ts";

/** Most transfers that one agent has at a time; they share its rate limit. */
const TRANSFERS = 4;

/**
 * The slowest rate (bytes a second) at which a reader is not cut off: `relay.minRate`, but never more than a
 * policy that is known here lets an agent take, at any hours.
 *
 * @param dirs the data directories whose settings are known: the agent's own, and the Update Agent's
 */
export async function leastReaderRate(config: Config, dirs: DataDir[]): Promise<number> {
  const limits: number[] = [];
  for (const dir of dirs) {
    const set = await readTrustedSet(dir, "settings").catch(() => undefined);
    const own = await settingsInForce(config, set, "").catch(() => undefined);
    limits.push(own?.policy.rateLimit?.bytesPerSecond ?? Number.POSITIVE_INFINITY);
    for (const [name, bytes] of set?.documents ?? [])
      if (name.startsWith("settings/policies/")) limits.push(limitOf(bytes));
  }
  return Math.min(config.relay.minRate, ...limits.map((limit) => Math.floor(limit / TRANSFERS)));
}

/** A document that does not read limits nobody. */
function limitOf(bytes: Buffer): number {
  try {
    return parsePolicy(parseJson(bytes.toString())).rateLimit?.bytesPerSecond ?? Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
