import { say } from "../ui/arrival.ts";
import type { ApiProblem } from "./call.ts";
import { toProblem } from "./resource.svelte.ts";

/** A change that is sent: whether it is under way, and the reason for which it was refused. */
export class Change {
  busy = $state(false);
  problem = $state.raw<ApiProblem>();

  /**
   * Sends it, unless one is under way.
   *
   * @param done said to those who do not see the screen
   * @returns whether it was done
   */
  async send(change: () => Promise<unknown>, done?: string): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.problem = undefined;
    try {
      await change();
      if (done !== undefined) say(done);
      return true;
    } catch (error) {
      this.problem = toProblem(error);
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** The fault of a field of the body. */
  faultOf(field: string): string | undefined {
    return this.problem?.errors.find((each) => each.field === field)?.message;
  }
}
