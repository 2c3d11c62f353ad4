import type { Config } from "../../config/configSchema.ts";
import { REPOSITORIES, type Repository } from "../../core/content/layout.ts";
import type { DataDir } from "../../store/dataDir.ts";
import { type Announced, judge, parseNotification } from "../../tuf/notification.ts";
import { isSigned, readTrust, type Trust } from "../../tuf/timestampCheck.ts";

/** The verdict on a notification: `new` begins a run, `older` and `refused` do nothing. */
export type Verdict = "new" | "older" | "refused";

/** Versions of the newest timestamps, by repository. */
export type Versions = Partial<Record<Repository, number>>;

export interface NotificationOptions {
  dirs: DataDir;
  /** The repositories that this agent follows, with the root shipped for each. */
  roots(): Config["roots"];
  now(): number;
}

/**
 * Receives the notifications for one data directory, from every channel, and believes those that the trusted
 * keys have signed. A version that was verified once is remembered, so that the same notification, replayed
 * while its run is still to come or has not found it, does nothing more.
 */
export class Notifications {
  readonly #options: NotificationOptions;
  /** The keys by which each repository was judged last. */
  readonly #trust: Partial<Record<Repository, Trust>> = {};
  readonly #verified = new Map<Repository, { version: number; expires: number }>();

  constructor(options: NotificationOptions) {
    this.#options = options;
  }

  /** @param text the body of a notification (docs/notification.md), of any shape */
  async receive(text: string): Promise<Verdict> {
    const announced = parseNotification(text);
    if (announced === undefined) return "refused";
    const verdicts: Verdict[] = [];
    for (const each of announced) verdicts.push(await this.#judge(each));
    // One forged half makes the whole suspect, and undoes nothing that the other half proves.
    return verdicts.find((each) => each === "new") ?? verdicts.find((each) => each === "refused") ?? "older";
  }

  /** The newest versions held or verified; one that is no newer need not be sent. */
  async known(): Promise<Versions> {
    const versions: Versions = {};
    for (const repository of REPOSITORIES) {
      const held = await this.#trustOf(repository);
      if (held !== undefined) versions[repository] = this.#newestOf(repository, held);
    }
    return versions;
  }

  /** The versions in verified notifications that are newer than those held now. */
  async owed(): Promise<Versions> {
    const versions: Versions = {};
    for (const [repository, { version, expires }] of this.#verified) {
      const held = await this.#trustOf(repository);
      const isNewer = held !== undefined && held.version < version;
      if (isNewer && this.#options.now() < expires) versions[repository] = version;
    }
    return versions;
  }

  async #judge(announced: Announced): Promise<Verdict> {
    const { now } = this.#options;
    const { repository, version, expires, document } = announced;
    const held = await this.#trustOf(repository);
    const known = held && { ...held, version: this.#newestOf(repository, held) };
    const verdict = judge(announced, known, now());
    if (verdict !== "check" || held === undefined) return verdict === "older" ? "older" : "refused";
    if (!(await isSigned(document, held, new Date(now())))) return "refused";
    this.#verified.set(repository, { version, expires });
    return "new";
  }

  async #trustOf(repository: Repository): Promise<Trust | undefined> {
    const { dirs, roots } = this.#options;
    const shipped = roots()[repository];
    if (shipped === undefined) return undefined;
    const found = await readTrust(dirs, repository, shipped, this.#trust[repository]);
    if (found === undefined) delete this.#trust[repository];
    else this.#trust[repository] = found;
    return found;
  }

  #newestOf(repository: Repository, held: Trust): number {
    return Math.max(held.version, this.#verified.get(repository)?.version ?? 0);
  }
}
