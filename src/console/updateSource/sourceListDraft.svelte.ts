import type { Kind } from "../../core/content/kind.ts";
import { listDiff } from "../../core/fleet/listDiff.ts";

/** An entry as it is written in the list. */
export interface WrittenEntry {
  range: string;
  except?: string[];
  dnsSuffix?: string;
  name?: string;
  url: string;
  kinds?: Kind[];
  [more: string]: unknown;
}

/** A source list as it is written. Fields that this page does not know stay as they are. */
export interface WrittenList {
  mode?: "standard" | "customized";
  entries?: WrittenEntry[];
  serverFallback?: { enabled?: boolean; kinds?: Kind[] };
  updateAgentsOnlyFromServer?: boolean;
  [more: string]: unknown;
}

/** An edit that is kept: the version it was made from, and the list as it is now. */
export interface KeptDraft {
  from: number;
  base: WrittenList;
  list: WrittenList;
}

/** An entry with a name of its own, by which a row stays the same row when it is moved. */
export interface DraftEntry {
  key: number;
  entry: WrittenEntry;
}

type State = Omit<WrittenList, "entries"> & { entries: DraftEntry[] };

/** Longest way back. */
const MOST_UNDONE = 200;

/**
 * A source list under edit: plain data, with the way back and forth. Nothing here knows of the server or the
 * page.
 */
export class SourceListDraft {
  /** The version that it is made from. */
  from = $state(0);
  base = $state.raw<WrittenList>({});
  #state = $state.raw<State>({ entries: [] });
  #past = $state.raw<readonly State[]>([]);
  #future = $state.raw<readonly State[]>([]);
  #key = 0;

  /** The list as it is written. */
  readonly list = $derived.by((): WrittenList => {
    const { entries, ...rest } = this.#state;
    return { ...rest, entries: entries.map(({ entry }) => entry) };
  });
  /** Difference from what it is made from; computed once an edit, for all who ask. */
  readonly diff = $derived(listDiff(this.base, this.list));

  /** @param kept an edit from before, which goes on */
  constructor(from: number, base: WrittenList, kept?: KeptDraft) {
    this.from = kept?.from ?? from;
    this.base = kept?.base ?? base;
    this.#state = this.#withKeys(kept?.list ?? base);
  }

  get entries(): readonly DraftEntry[] {
    return this.#state.entries;
  }

  get mode(): "standard" | "customized" {
    return this.#state.mode === "standard" ? "standard" : "customized";
  }

  get fallback(): { enabled: boolean; kinds: Kind[] } {
    const given: { enabled?: boolean; kinds?: Kind[] } = this.#state.serverFallback ?? {};
    const { enabled = true, kinds = ["components", "settings", "programs"] } = given;
    return { enabled, kinds };
  }

  get onlyFromServer(): boolean {
    return this.#state.updateAgentsOnlyFromServer === true;
  }

  get kept(): KeptDraft {
    return { from: this.from, base: this.base, list: this.list };
  }

  get isChanged(): boolean {
    const { fields, entries } = this.diff;
    return fields.length > 0 || entries.length > 0;
  }

  get canUndo(): boolean {
    return this.#past.length > 0;
  }

  get canRedo(): boolean {
    return this.#future.length > 0;
  }

  setMode(mode: "standard" | "customized"): void {
    this.#edit({ ...this.#state, mode });
  }

  setFallback(serverFallback: { enabled: boolean; kinds: Kind[] }): void {
    this.#edit({ ...this.#state, serverFallback });
  }

  setOnlyFromServer(updateAgentsOnlyFromServer: boolean): void {
    this.#edit({ ...this.#state, updateAgentsOnlyFromServer });
  }

  /** Puts an entry in, before the one that is at `at`; at the end by default. */
  add(entry: WrittenEntry, at = this.#state.entries.length): void {
    this.#edit({ ...this.#state, entries: this.#state.entries.toSpliced(at, 0, this.#keyed(entry)) });
  }

  change(key: number, entry: WrittenEntry): void {
    const entries = this.#state.entries.map((each) => (each.key === key ? { key, entry } : each));
    this.#edit({ ...this.#state, entries });
  }

  remove(key: number): void {
    this.#edit({ ...this.#state, entries: this.#state.entries.filter((each) => each.key !== key) });
  }

  /** Moves an entry to a place; places beyond the ends are the ends. @returns its place then */
  move(key: number, to: number): number {
    const { entries } = this.#state;
    const at = entries.findIndex((each) => each.key === key);
    const place = Math.max(0, Math.min(entries.length - 1, to));
    const moved = entries[at];
    if (moved === undefined || at === place) return at;
    this.#edit({ ...this.#state, entries: entries.toSpliced(at, 1).toSpliced(place, 0, moved) });
    return place;
  }

  /** Puts another list in its place, such as one that was imported. */
  replace(list: WrittenList): void {
    this.#edit(this.#withKeys(list));
  }

  undo(): void {
    const before = this.#past.at(-1);
    if (before === undefined) return;
    this.#future = [...this.#future, this.#state];
    this.#past = this.#past.slice(0, -1);
    this.#state = before;
  }

  redo(): void {
    const after = this.#future.at(-1);
    if (after === undefined) return;
    this.#past = [...this.#past, this.#state];
    this.#future = this.#future.slice(0, -1);
    this.#state = after;
  }

  /** Goes on from what was saved. */
  saved(version: number, list: WrittenList): void {
    this.from = version;
    this.base = list;
  }

  /** Goes on from a newer version, with a list that has both changes in it. */
  rebase(from: number, base: WrittenList, list: WrittenList): void {
    this.from = from;
    this.base = base;
    this.#edit(this.#withKeys(list));
  }

  #edit(next: State): void {
    this.#past = [...this.#past, this.#state].slice(-MOST_UNDONE);
    this.#future = [];
    this.#state = next;
  }

  #withKeys({ entries = [], ...rest }: WrittenList): State {
    return { ...rest, entries: entries.map((entry) => this.#keyed(entry)) };
  }

  #keyed(entry: WrittenEntry): DraftEntry {
    this.#key += 1;
    return { key: this.#key, entry };
  }
}
