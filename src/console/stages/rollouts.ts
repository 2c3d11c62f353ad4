import type { Body } from "../api/bodies.ts";

export type OfferedRelease = Body<"getReleases">["releases"][number];
export type Stage = Body<"getReleases">["stages"][number];

/** A component, as the API's paths name it. */
export interface ComponentPath {
  kind: "components" | "programs";
  name: string;
}

const HOUR = 3_600_000;

/** Ways of releasing that most sites take: everybody at once, everybody later, or in three stages. */
export const WAYS: Record<"at-once" | "later" | "three", Stage[]> = {
  "at-once": [],
  later: [{ percent: 100, after: 12 * HOUR }],
  three: [
    { percent: 5, after: 0 },
    { percent: 25, after: 4 * HOUR },
    { percent: 100, after: 24 * HOUR },
  ],
};

/** Hours of a stage's clock, and back. */
export const hoursOf = (after: number) => after / HOUR;
export const afterOf = (hours: number) => Math.round(hours * HOUR);
