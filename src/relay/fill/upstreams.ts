import type { Config } from "../../config/configSchema.ts";
import type { Log } from "../../config/log.ts";
import type { Kind } from "../../core/content/kind.ts";
import { endsSource } from "../../core/order/disposition.ts";
import { explainError, toNearsourceError } from "../../errors.ts";
import { type Source, sourceOf } from "../../source/source.ts";
import type { DataDir } from "../../store/dataDir.ts";
import { readTrustedSet } from "../../tuf/trustedSet.ts";
import { type Settings, settingsInForce } from "../../update/settings/settings.ts";
import { orderOf, standingOf } from "../../update/settings/situation.ts";

/** The sources of an Update Agent, in its own update order (docs/design.md §2). */
export interface Upstreams {
  /** Reads the settings in force again, and gives every source another chance. */
  reload(): Promise<void>;
  /** The sources of a kind in order; those that failed a moment ago come last. */
  of(kinds: readonly Kind[]): (Source & { kinds: Kind[] })[];
  /** Time (ms) for which agents wait, by the policy, for an Update Agent that is filling. */
  patience(): number;
  /** Notes that a source failed. */
  failed(source: Source, error: unknown, what: string): void;
}

/** Time (ms) for which a source that failed as a whole is asked only after the others. */
const DEAD_TIME = 30_000;
/** Time (ms) for which the same failure is not logged again. */
const LOG_AGAIN = 60_000;

/** @param own the agent's own data directory, which holds the settings that its runs brought */
export function createUpstreams(config: Config, own: DataDir, agentId: string, log: Log): Upstreams {
  let settings: Settings | undefined;
  const dead = new Map<string, number>();
  /** Lines of the last minute, and the time until which each is not repeated. */
  const logged = new Map<string, number>();
  const isDead = ({ url }: Source) => (dead.get(url) ?? 0) > performance.now();
  return {
    async reload() {
      dead.clear();
      // The agent replaces its set now and then; the one before holds if this moment is between the two.
      try {
        settings = await settingsInForce(config, await readTrustedSet(own, "settings"), agentId);
      } catch (error) {
        if (settings === undefined) throw error;
        log.warn(`the source list stays as it was: ${explainError(error)}`);
      }
    },
    of(kinds) {
      if (settings === undefined) return [];
      const { list, policy } = settings;
      const run = standingOf(config);
      const { steps } = orderOf(run, { list, policy, role: "update-agent" }, [...kinds]);
      const sources = steps.map((step) => ({ ...sourceOf(step), kinds: step.kinds }));
      return [...sources.filter((each) => !isDead(each)), ...sources.filter(isDead)];
    },
    patience: () => settings?.policy.patience.schedule ?? 0,
    failed(source, error, what) {
      const { code, message } = toNearsourceError(error);
      if (endsSource(code)) dead.set(source.url, performance.now() + DEAD_TIME);
      // Clients that ask for an object that no source has ask again, and again.
      const line = `${what}: ${message} (${code})`;
      for (const [known, until] of logged) if (until <= performance.now()) logged.delete(known);
      if (logged.has(line)) return;
      logged.set(line, performance.now() + LOG_AGAIN);
      log.warn(line);
    },
  };
}
