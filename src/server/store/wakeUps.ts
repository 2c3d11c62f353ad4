import { explainError } from "../../errors.ts";
import type { Database } from "./database.ts";
import { sayElsewhere } from "./dialect.ts";
import { afterCommit, type Db, databaseOf } from "./transaction.ts";

/** Subjects of which servers of one database tell each other: resources that have changed, agents that have to look again. */
type Topic = "changed" | "agents";

/** Called with what was said; without, where something may have been missed. */
type Listener = (words: readonly string[] | undefined) => void;

/** Longest text (bytes) of one message: PostgreSQL takes less than 8,000. */
const MOST = 7_000;

/** Servers of this process, by the database that they hear of. */
const here = new WeakMap<Db, Set<WakeUps>>();

/**
 * Says something to all servers of a database, this one too. In a transaction it is part of it: it is heard once
 * that is committed, and not at all otherwise.
 *
 * @param words none longer than a few dozen characters
 */
export async function say(db: Db, topic: Topic, words: readonly string[]): Promise<void> {
  for (const part of partsOf(words)) {
    const text = JSON.stringify([topic, ...part]);
    if (await sayElsewhere(db, text)) continue;
    const root = databaseOf(db);
    afterCommit(db, () => {
      for (const each of here.get(root) ?? []) each.hear(text);
    });
  }
}

function partsOf(words: readonly string[]): string[][] {
  const parts: string[][] = [];
  let length = MOST;
  for (const word of words) {
    length += word.length + 3;
    if (length > MOST) {
      parts.push([]);
      length = word.length + 3;
    }
    parts.at(-1)?.push(word);
  }
  return parts;
}

/**
 * Ears of one server: by `LISTEN` and `NOTIFY` where several work on one database, else within the process. A
 * wake-up carries nothing but "look again": one that is missed costs another look.
 */
export class WakeUps {
  readonly #listeners: [Topic, Listener][] = [];
  readonly #onFailure: (reason: string) => void;
  #end: () => Promise<void> = async () => {};

  /** @param onFailure told when a listener fails, which stops no other */
  constructor(onFailure: (reason: string) => void) {
    this.#onFailure = onFailure;
  }

  on(topic: Topic, listener: Listener): void {
    this.#listeners.push([topic, listener]);
  }

  /** Listens from now on. */
  async start({ db, dialect }: Database): Promise<void> {
    const others = here.get(db) ?? new Set();
    here.set(db, others.add(this));
    const listener = dialect.listener?.({
      said: (text) => this.hear(text),
      missed: () => this.#tell(undefined),
    });
    this.#end = async () => {
      others.delete(this);
      await listener?.close();
    };
    await listener?.start();
  }

  async close(): Promise<void> {
    await this.#end();
  }

  /** Something was said, by whomever may use the database: of any shape. */
  hear(text: string): void {
    let said: unknown;
    try {
      said = JSON.parse(text);
    } catch {
      return;
    }
    if (!Array.isArray(said) || !said.every((each) => typeof each === "string")) return;
    const [topic, ...words] = said as string[];
    if (topic !== undefined) this.#tell(topic, words);
  }

  #tell(topic: string | undefined, words?: string[]): void {
    for (const [about, listener] of this.#listeners) {
      if (topic !== undefined && about !== topic) continue;
      try {
        listener(words);
      } catch (error) {
        this.#onFailure(explainError(error));
      }
    }
  }
}
