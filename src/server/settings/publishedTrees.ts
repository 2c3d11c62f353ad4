import { promises as fs } from "node:fs";
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
  /** When it was published; ms. */
  at: number;
}

/** The two trees that agents are served from, in the folder where they are published. */
export class PublishedTrees {
  /** The folder: what agents know as the server's base URL. */
  readonly www: string;
  #newest: Partial<Record<Repository, Published>> = {};
  readonly #listeners: (() => void)[] = [];

  constructor(www: string) {
    this.www = www;
  }

  /** Looks at the timestamps again, and tells those who wait for a newer one. */
  async look(): Promise<void> {
    const before = JSON.stringify(this.versions());
    for (const repository of REPOSITORIES) {
      const file = path.join(this.www, repository, "metadata", "timestamp.json");
      const bytes = await readIfThere(file);
      if (bytes === undefined) continue;
      const at = (await fs.stat(file)).mtimeMs;
      const document = JSON.parse(bytes.toString()) as { signed: { version: number } };
      this.#newest[repository] = { version: document.signed.version, document, at };
    }
    if (JSON.stringify(this.versions()) === before) return;
    for (const listener of this.#listeners) listener();
  }

  versions(): Versions {
    const known = REPOSITORIES.flatMap((each) => {
      const published = this.#newest[each];
      return published === undefined ? [] : [[each, published.version] as const];
    });
    return Object.fromEntries(known);
  }

  /** When the newest of them was published; ms since the epoch. */
  publishedAt(): number {
    return Math.max(0, ...REPOSITORIES.map((each) => this.#newest[each]?.at ?? 0));
  }

  /** All of them: the body of a notification. */
  newest(): Timestamps | undefined {
    return this.newerThan({ content: 0, settings: 0 });
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

  /** Has `listener` called whenever there is a newer timestamp. */
  watch(listener: () => void): void {
    this.#listeners.push(listener);
  }
}
