import { NearsourceError } from "../errors.ts";
import type { State } from "../store/state/stateFormat.ts";
import { RELEASED } from "../version.ts";

/** A clock this far (ms) behind the newest signed time is taken for skew, not for a wrong clock. */
const CLOCK_SKEW = 86_400_000;

/**
 * The run's one time. A clock behind the times that signed metadata has shown would accept expired metadata.
 *
 * @throws NearsourceError CLOCK_BEHIND
 */
export function timeOfRun(clock: Date, floor: string | undefined): Date {
  const newest = Math.max(Date.parse(RELEASED), floor === undefined ? 0 : Date.parse(floor));
  if (clock.getTime() >= newest) return clock;
  if (clock.getTime() > newest - CLOCK_SKEW) return new Date(newest);
  throw new NearsourceError(
    "CLOCK_BEHIND",
    `this machine's clock says ${clock.toISOString()}, before ${new Date(newest).toISOString()}, which has passed`,
    { hint: "set the clock; expired metadata cannot be told from valid until then" },
  );
}

/** Takes a verified signing time into the clock's floor. One from the future proves nothing about now. */
export function raiseClockFloor(state: State, signedAt: string | undefined, clock: Date): void {
  const time = signedAt === undefined ? Number.NaN : Date.parse(signedAt);
  if (Number.isNaN(time) || time > clock.getTime() + CLOCK_SKEW) return;
  if (state.clockFloor === undefined || Date.parse(state.clockFloor) < time) {
    state.clockFloor = new Date(time).toISOString();
  }
}
