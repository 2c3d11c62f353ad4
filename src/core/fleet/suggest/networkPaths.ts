import { type AgentPath, pathKey } from "../reports/agentPaths.ts";

/** The way from a network to a source, as its agents found it: medians, which a few that lie do not move. */
export interface MeasuredPath {
  /** Agents that measured a connection. */
  agents: number;
  /** Time (ms) that a TCP connection takes. */
  connectMs: number;
  /** Bytes a second; null while too few came. */
  rate: number | null;
}

/** Agents that have to have measured a way before anything is concluded from it. */
export const ENOUGH = 3;
/** Times (ms) of connections in the same building, in the same city, and over a link that is worth sparing. */
export const BUILDING = 2;
export const CITY = 10;
export const LINK = 20;
/** Bytes a second from which on a source in the same building is no link. */
const NO_LINK = 10_000_000;

/** Measurements of one network's agents, before their medians are taken. */
export class PathMeasurements {
  readonly #by = new Map<string, { connects: number[]; rates: number[] }>();

  add(paths: readonly AgentPath[]): void {
    for (const { to, connectMs, rate } of paths) {
      const all = this.#by.getOrInsertComputed(to, () => ({ connects: [], rates: [] }));
      if (connectMs !== null) all.connects.push(connectMs);
      if (rate !== null) all.rates.push(rate);
    }
  }

  medians(): Map<string, MeasuredPath> {
    const paths = [...this.#by].flatMap(([to, { connects, rates }]): [string, MeasuredPath][] => {
      const connectMs = medianOf(connects);
      if (connectMs === undefined) return [];
      return [[to, { agents: connects.length, connectMs, rate: medianOf(rates) ?? null }]];
    });
    return new Map(paths);
  }
}

/** The lower one of two in the middle. */
function medianOf(values: readonly number[]): number | undefined {
  return values.toSorted((one, other) => one - other)[(values.length - 1) >> 1];
}

/** A way that enough agents measured. */
export function known(path: MeasuredPath | undefined): MeasuredPath | undefined {
  return path !== undefined && path.agents >= ENOUGH ? path : undefined;
}

/** Whether a source is so near that no link lies between: in the same building, and quick as far as is known. */
export function isAtHand(path: MeasuredPath | undefined): boolean {
  const { connectMs, rate } = known(path) ?? { connectMs: Number.POSITIVE_INFINITY, rate: null };
  return connectMs <= BUILDING && (rate ?? NO_LINK) >= NO_LINK;
}

/** Whether one way is so much shorter than another that no chance explains it. */
export function isClearlyNearer(one: MeasuredPath, other: MeasuredPath): boolean {
  return one.connectMs * 2 + 5 <= other.connectMs;
}

/**
 * Classes of times in which one is about twice the one before: a machine is not preferred to another for a
 * millisecond.
 */
export function distanceClass(connectMs: number): number {
  return Math.round(Math.log2(connectMs + 4));
}

/** The key of the way to the first source of an order. */
export function firstKey(step: { rule: string; url: string }): string {
  return pathKey(step) ?? step.url;
}
