/**
 * Edits that are kept until they are saved or thrown away, in the tab's own memory: a lost connection, an ended
 * session or a reload loses none of it.
 */
export class Unsaved<Draft> {
  /** The edit; undefined while there is none. */
  draft = $state.raw<Draft>();
  readonly #key: string;

  /** @param key of what is edited, such as `source-list` */
  constructor(key: string) {
    this.#key = `draft ${key}`;
    this.draft = this.#kept();
  }

  keep(draft: Draft): void {
    this.draft = draft;
    sessionStorage.setItem(this.#key, JSON.stringify(draft));
  }

  drop(): void {
    this.draft = undefined;
    sessionStorage.removeItem(this.#key);
  }

  /**
   * Goes on after a save with an edit that was made while it was under way, here or after the screen was left.
   *
   * @param later the edit that goes on from what was saved; undefined for one that is what was saved
   */
  settle(later: (kept: Draft) => Draft | undefined): void {
    const kept = this.#kept();
    const next = kept && later(kept);
    if (next === undefined) this.drop();
    else this.keep(next);
  }

  #kept(): Draft | undefined {
    try {
      return JSON.parse(sessionStorage.getItem(this.#key) ?? "") as Draft;
    } catch {
      return undefined;
    }
  }
}
