/**
 * The header `nearsource-state`, in which an Update Agent reports its state (docs/protocol.md), so that an
 * agent tells one that is busy for a while from one that is dead: `filling; missing=3200000; seconds=14`.
 */
export const STATE_HEADER = "nearsource-state";

/**
 * `filling`: it fetches the files that it will announce; `full`: all places are taken; the others are no
 * reason to wait.
 */
const STATES = ["filling", "full", "room", "late", "unavailable"] as const;

/** The reason why an Update Agent does not give a requested file. */
export interface RelayState {
  state: (typeof STATES)[number];
  /** Bytes it still has to fetch. */
  missing?: number | undefined;
  /** Time (s) that this takes at the present rate. */
  seconds?: number | undefined;
  /**
   * Update Agents on the way to this state, by their names in `Via`: the answering one, those that it waits
   * for itself, and the one that is filling.
   */
  through?: string[] | undefined;
}

/** The value of the header. */
export function formatRelayState({ state, missing, seconds, through = [] }: RelayState): string {
  return [
    state,
    ...(missing === undefined ? [] : [`missing=${Math.round(missing)}`]),
    ...(seconds === undefined ? [] : [`seconds=${Math.round(seconds)}`]),
    ...(through.length === 0 ? [] : [`through=${through.join(",")}`]),
  ].join("; ");
}

/** Reads the header; undefined for one that is absent, too long, or of another state. Other fields are ignored. */
export function parseRelayState(header: string | string[] | undefined): RelayState | undefined {
  if (typeof header !== "string" || header.length > 200) return undefined;
  const [name = "", ...fields] = header.split(";").map((part) => part.trim());
  const state = STATES.find((each) => each === name.toLowerCase());
  if (state === undefined) return undefined;
  const textOf = (field: string) =>
    fields.find((each) => each.startsWith(`${field}=`))?.slice(field.length + 1) ?? "";
  const numberOf = (field: string) => {
    const digits = textOf(field);
    return /^\d{1,15}$/.test(digits) ? Number(digits) : undefined;
  };
  const through = textOf("through")
    .split(",")
    .filter((name) => NAME.test(name));
  const amounts = { missing: numberOf("missing"), seconds: numberOf("seconds") };
  return { state, ...amounts, ...(through.length === 0 ? {} : { through }) };
}

const NAME = /^[\w.-]{1,64}$/;

/**
 * Whether to ask the Update Agent in this state again a little later, rather than another source. An Update
 * Agent does not wait for one that waits for it.
 *
 * @param self the name of this Update Agent
 */
export function isWorthWaiting({ state, through }: RelayState, self?: string): boolean {
  if (self !== undefined && through?.includes(self)) return false;
  return state === "filling" || state === "full";
}

/** Shortest and longest pause (s) that an Update Agent asks for while it fills, and the one while it knows no rate. */
const PAUSE = { least: 1, most: 10, unknown: 2 };

/** The `Retry-After` (s) of an Update Agent that is filling: soon after it is done, at its rate. */
export function pauseWhileFilling({ seconds }: RelayState): number {
  return Math.min(Math.max(Math.ceil(seconds ?? PAUSE.unknown), PAUSE.least), PAUSE.most);
}

/** A pause when the answer names none (ms). */
const UNNAMED_PAUSE = 5_000;

/**
 * The pause (ms) before the next try, so that agents with the same answer do not come at once.
 *
 * @param retryAfter the time (ms) in `Retry-After`
 * @param left of this agent's patience (ms)
 * @param random in [0, 1)
 */
export function pauseBefore(retryAfter: number | undefined, left: number, random: number): number {
  return Math.min((retryAfter ?? UNNAMED_PAUSE) * (0.75 + random / 2), left);
}
