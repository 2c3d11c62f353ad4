import type { Log } from "../../config/log.ts";
import { isVerificationDue, readVerified, type Verified, writeVerified } from "./verifyObjects.ts";

/** When all mirrored files are read through, and the last result of it, which is kept beside the mirror. */
export class Verification {
  readonly #home: string;
  readonly #parts: { log: Log; now(): number };
  #isAsked = false;
  #last: Verified | undefined;

  /** @param home the mirror's own folder */
  constructor(home: string, parts: { log: Log; now(): number }) {
    this.#home = home;
    this.#parts = parts;
  }

  /** Result of the last time; undefined before the first, and before the first pass. */
  get last(): Verified | undefined {
    return this.#last;
  }

  /** The next pass reads all that is here through. */
  ask(): void {
    this.#isAsked = true;
  }

  /**
   * Begins a pass.
   *
   * @param every time (ms) from one time to the next; null for when a person asks for it
   * @returns use of the result, where files are to be read through by this pass; undefined where they are not
   */
  async begin(every: number | null): Promise<((found: Omit<Verified, "at">) => Promise<void>) | undefined> {
    const { log, now } = this.#parts;
    this.#last = await readVerified(this.#home);
    if (!this.#isAsked && !isVerificationDue(this.#last, every, now())) return undefined;
    return async (found) => {
      // A pass that does not come so far leaves it to the next.
      this.#isAsked = false;
      this.#last = { at: now(), ...found };
      if (found.damaged > 0) {
        const files = `${found.damaged} of ${found.objects} mirrored files`;
        log.error(`${files} were altered on the disk, and are fetched again: see whether the disk fails`);
      }
      await writeVerified(this.#home, this.#last);
    };
  }

  /** All is here again that was found to be damaged. */
  async noteMended(): Promise<void> {
    if (this.#last === undefined || this.#last.missing === 0) return;
    this.#last = { ...this.#last, missing: 0 };
    await writeVerified(this.#home, this.#last);
  }
}
