import type { NetworkTraffic } from "./networkTraffic.ts";
import { addAttempts, noneOf, type SourceTraffic } from "./reportTraffic.ts";

/** Sources of one hour that are told apart: more than a list and the one before it have. */
const SOURCES = 2_500;
/** Networks of one day that are told apart, and moves of one agent to another that count. */
const NETWORKS = 20_000;
const MOVES = 16;
/** Name of the sources that are told apart no longer. */
export const OTHERS = "other";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Kinds of rows of which agents would have had more made than are kept. */
export type Exceeded = "sources" | "networks";

/**
 * Bounds of the rows that reports make, whatever agents say of themselves: names of sources and networks cost a row an hour or
 * day each, for more than a year. Each server has its own count, which begins anew when it is started.
 */
export class TrafficBounds {
  readonly exceeded = new Set<Exceeded>();
  #hour = 0;
  #sources = new Set<string>();
  #day = 0;
  #networks = new Set<string>();
  /** Moves by agent, of those that moved. */
  #moves = new Map<string, number>();

  /** The traffic of an hour, in which all sources beyond the bound are one. */
  sources(now: number, traffic: readonly SourceTraffic[]): SourceTraffic[] {
    const hour = Math.floor(now / HOUR);
    if (hour !== this.#hour) [this.#hour, this.#sources] = [hour, new Set()];
    const kept: SourceTraffic[] = [];
    const others = noneOf(OTHERS);
    for (const each of traffic) {
      const isKept = each.source !== OTHERS && isWithin(this.#sources, each.source, SOURCES);
      if (isKept) kept.push(each);
      else {
        addAttempts(others, each);
        this.exceeded.add("sources");
      }
    }
    if (others.attempts === 0) return kept;
    return [...kept, others].toSorted((one, other) => (one.source < other.source ? -1 : 1));
  }

  /** The traffic of a day's networks, without those beyond the bound. */
  networks(now: number, traffic: readonly NetworkTraffic[]): NetworkTraffic[] {
    this.#turnDay(now);
    const kept = traffic.filter(({ network }) => isWithin(this.#networks, network, NETWORKS));
    if (kept.length < traffic.length) this.exceeded.add("networks");
    return kept;
  }

  /** Whether an agent that says it is in another network than before has not said so too often of late. */
  mayMove(now: number, agentId: string): boolean {
    this.#turnDay(now);
    const moves = (this.#moves.get(agentId) ?? 0) + 1;
    if (moves <= MOVES) this.#moves.set(agentId, moves);
    else this.exceeded.add("networks");
    return moves <= MOVES;
  }

  #turnDay(now: number): void {
    const day = Math.floor(now / DAY);
    if (day === this.#day) return;
    this.#day = day;
    this.#networks = new Set();
    this.#moves = new Map();
  }
}

/** Adds a name that is not there, while there is room. @returns whether it is there */
function isWithin(names: Set<string>, name: string, most: number): boolean {
  if (names.has(name)) return true;
  if (names.size >= most) return false;
  names.add(name);
  return true;
}
