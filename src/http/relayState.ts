/**
 * What an Update Agent says of itself in the header `nearsource-state` (docs/protocol.md), so that an agent
 * tells one that is busy for a while from one that is dead: `filling; missing=3200000; seconds=14`.
 */
export const STATE_HEADER = "nearsource-state";

/** `filling`: it fetches what it will announce; `full`: all places are taken; the others are no reason to wait. */
const STATES = ["filling", "full", "room", "late", "unavailable"] as const;

/** What keeps an Update Agent from giving what it is asked for. */
export interface RelayState {
  state: (typeof STATES)[number];
  /** Bytes it still has to fetch. */
  missing?: number | undefined;
  /** How long (s) that takes at the rate it has. */
  seconds?: number | undefined;
  /** Who says so, by the names of `Via`: an Update Agent, those that it waits for itself, and the one that is filling. */
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
 * Whether whoever meets this state does well to ask again a little later, rather than somebody else. An
 * Update Agent does not wait for one that waits for it.
 *
 * @param self the name of this Update Agent
 */
export function isWorthWaiting({ state, through }: RelayState, self?: string): boolean {
  if (self !== undefined && through?.includes(self)) return false;
  return state === "filling" || state === "full";
}

/** Shortest and longest pause (s) that an Update Agent asks for while it fills, and the one while it knows no rate. */
const PAUSE = { least: 1, most: 10, unknown: 2 };

/** What an Update Agent that is filling puts into `Retry-After` (s): soon after it is done, at its rate. */
export function pauseWhileFilling({ seconds }: RelayState): number {
  return Math.min(Math.max(Math.ceil(seconds ?? PAUSE.unknown), PAUSE.least), PAUSE.most);
}

/** A pause when the answer names none (ms). */
const UNNAMED_PAUSE = 5_000;

/**
 * How long (ms) to wait before the next try, so that those who were told the same do not come at once.
 *
 * @param retryAfter what `Retry-After` asked for (ms)
 * @param left of this agent's patience (ms)
 * @param random in [0, 1)
 */
export function pauseBefore(retryAfter: number | undefined, left: number, random: number): number {
  return Math.min((retryAfter ?? UNNAMED_PAUSE) * (0.75 + random / 2), left);
}
