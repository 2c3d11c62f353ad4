import path from "node:path";
import { REPOSITORIES, type Repository } from "../../core/content/layout.ts";
import { readIfThere } from "../../store/durable.ts";

/** Versions of the newest timestamps, by repository. */
export type Versions = Partial<Record<Repository, number>>;

/** The newest timestamps as they are published, by repository: the body of a notification. */
export type Timestamps = Partial<Record<Repository, unknown>>;

interface Published {
  version: number;
  document: unknown;
}

/** The two trees that agents are served from, in the folder where they are published. */
export class PublishedTrees {
  /** The folder: what agents know as the server's base URL. */
  readonly www: string;
  #newest: Partial<Record<Repository, Published>> = {};
  #waiting = new Set<() => void>();

  constructor(www: string) {
    this.www = www;
  }

  /** Looks at the timestamps again, and wakes those who wait for a newer one. */
  async look(): Promise<void> {
    for (const repository of REPOSITORIES) {
      const bytes = await readIfThere(path.join(this.www, repository, "metadata", "timestamp.json"));
      if (bytes === undefined) continue;
      const document = JSON.parse(bytes.toString()) as { signed: { version: number } };
      this.#newest[repository] = { version: document.signed.version, document };
    }
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  versions(): Versions {
    const known = REPOSITORIES.flatMap((each) => {
      const published = this.#newest[each];
      return published === undefined ? [] : [[each, published.version] as const];
    });
    return Object.fromEntries(known);
  }

  /** The timestamps that are newer than these; undefined where none is. A repository that is absent is not asked for. */
  newerThan(versions: Versions): Timestamps | undefined {
    const newer = REPOSITORIES.flatMap((each) => {
      const [held, published] = [versions[each], this.#newest[each]];
      return held === undefined || published === undefined || published.version <= held
        ? []
        : [[each, published.document] as const];
    });
    return newer.length === 0 ? undefined : Object.fromEntries(newer);
  }

  /** The same, as soon as there are some; undefined once `signal` aborts. */
  async waitForNewer(versions: Versions, signal: AbortSignal): Promise<Timestamps | undefined> {
    for (;;) {
      const newer = this.newerThan(versions);
      if (newer !== undefined || signal.aborted) return newer;
      await this.#change(signal);
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }

  /** Lets everybody go who waits. */
  close(): void {
    for (const wake of this.#waiting) wake();
  }
}
