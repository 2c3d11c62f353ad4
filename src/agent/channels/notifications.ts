import type { Config } from "../../config/config.ts";
import { REPOSITORIES, type Repository } from "../../core/content/layout.ts";
import type { DataDir } from "../../store/files.ts";
import { type Announced, judge, parseNotification } from "../../tuf/notification.ts";
import { isSigned, readTrust, type Trust } from "../../tuf/timestampCheck.ts";

/** What became of a notification: `new` begins a run, `older` and `refused` do nothing. */
export type Verdict = "new" | "older" | "refused";

/** Versions of the newest timestamps, by repository. */
export type Versions = Partial<Record<Repository, number>>;

/** Hears notifications, however they come, and believes what the trusted keys have signed. */
export interface Notifications {
  /** @param text the body of a notification (docs/notification.md), of any shape */
  hear(text: string): Promise<Verdict>;
  /** The newest versions held or verified; what is no newer need not be sent. */
  known(): Promise<Versions>;
  /** The versions that verified notifications spoke of, and that are newer than what is held now. */
  owed(): Promise<Versions>;
}

export interface NotificationOptions {
  dirs: DataDir;
  /** The repositories that this agent follows, with the root shipped for each. */
  roots(): Config["roots"];
  now(): number;
}

/**
 * Notifications for one data directory. A version that was verified once is remembered, so that the
 * same notification, replayed while its run is still to come or has not found it, does nothing more.
 */
export function createNotifications({ dirs, roots, now }: NotificationOptions): Notifications {
  const trust: Partial<Record<Repository, Trust>> = {};
  const verified = new Map<Repository, { version: number; expires: number }>();

  const trustOf = async (repository: Repository) => {
    const shipped = roots()[repository];
    if (shipped === undefined) return undefined;
    const found = await readTrust(dirs, repository, shipped, trust[repository]);
    if (found === undefined) delete trust[repository];
    else trust[repository] = found;
    return found;
  };
  const newestOf = (repository: Repository, held: Trust) =>
    Math.max(held.version, verified.get(repository)?.version ?? 0);

  const weigh = async (announced: Announced): Promise<Verdict> => {
    const { repository, version, expires, document } = announced;
    const held = await trustOf(repository);
    const known = held && { ...held, version: newestOf(repository, held) };
    const verdict = judge(announced, known, now());
    if (verdict !== "check" || held === undefined) return verdict === "older" ? "older" : "refused";
    if (!(await isSigned(document, held, new Date(now())))) return "refused";
    verified.set(repository, { version, expires });
    return "new";
  };

  return {
    hear: async (text) => {
      const announced = parseNotification(text);
      if (announced === undefined) return "refused";
      const verdicts: Verdict[] = [];
      for (const each of announced) verdicts.push(await weigh(each));
      // One forged half makes the whole suspect, and undoes nothing of what the other half proves.
      return (
        verdicts.find((each) => each === "new") ?? verdicts.find((each) => each === "refused") ?? "older"
      );
    },
    known: async () => {
      const versions: Versions = {};
      for (const repository of REPOSITORIES) {
        const held = await trustOf(repository);
        if (held !== undefined) versions[repository] = newestOf(repository, held);
      }
      return versions;
    },
    owed: async () => {
      const versions: Versions = {};
      for (const [repository, { version, expires }] of verified) {
        const held = await trustOf(repository);
        if (held !== undefined && held.version < version && now() < expires) versions[repository] = version;
      }
      return versions;
    },
  };
}
