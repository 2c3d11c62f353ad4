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

  #kept(): Draft | undefined {
    try {
      return JSON.parse(sessionStorage.getItem(this.#key) ?? "") as Draft;
    } catch {
      return undefined;
    }
  }
}
