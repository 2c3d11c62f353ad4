import { amountOf } from "../amounts.ts";

/** Agents of a stage by what became of them after it came. */
export interface StageCounts {
  /** Those that were heard of shortly before it came. */
  agents: number;
  /** Those that have the release, or a newer one. */
  installed: number;
  /** Those at which it failed: the set before it is back there. */
  failed: number;
  /** Those that have it, and whose last run says that something is wrong with what is installed. */
  unwell: number;
  /** Those that have not reported since they got it, or since they could have got it, for too long. */
  silent: number;
  /** Those of the silent ones that did not report that they have it. */
  missing: number;
  /** Agents that are in no stage yet, and those of them that are as silent: what is so without the release. */
  control: { agents: number; silent: number };
}

/** An agent that a release did not do well at. */
export interface Witness {
  id: string;
  name: string;
  what: "failed" | "unwell" | "silent";
  code: string | null;
  /** When it was last heard of. */
  at: number;
}

/** Evidence that a halt rests on. Times in ms. */
export interface Evidence {
  /** Number of the stage, from 1, and when it came. */
  stage: number;
  opened: number;
  counts: StageCounts;
  /** Agents that count against the release, and those that it is known of. */
  bad: number;
  of: number;
  share: number;
  silence: number;
  sentence: string;
  /** Some of the agents, by name. */
  agents: Witness[];
}

/** The judgement on a stage, with what it rests on. */
export interface StageVerdict {
  halt: boolean;
  /** Agents that count against the release, and those that it is known of. */
  bad: number;
  of: number;
  /** Agents whose silence is put down to what silences the others as well. */
  expected: number;
  sentence: string;
}

/**
 * Agents that are judged at least, or all of a smaller stage: one that fails first of many is not "all that are
 * known of" (docs/releases.md).
 */
const SAMPLE = 10;
/** Agents in no stage of which there must be so many for their silence to say anything. */
const CONTROL = 10;
/** One-sided confidence of 95 %: the 0.95 quantile of the normal distribution. */
const Z = 1.645;

/**
 * Whether a stage is to be halted: when, with a confidence of 95 %, more than the allowed share of its agents do
 * badly (the lower end of Wilson's interval, 1927). So one failure of three halts, one of ten does not and two do,
 * and one of 100,000 is nothing.
 *
 * @param share the allowed one, 0.05 for 5 of 100
 */
export function stageVerdict(counts: StageCounts, share: number): StageVerdict {
  const { agents, installed, failed, unwell, silent, missing, control } = counts;
  const expected = expectedSilent(agents, control);
  const bad = failed + unwell + Math.max(0, silent - expected);
  const known = installed + failed + missing;
  const of = Math.max(known, Math.min(agents, SAMPLE), bad);
  const halt = bad > 0 && leastShare(bad, of) > share;
  const parts = [
    ...(failed > 0 ? [`it failed at ${failed}`] : []),
    ...(unwell > 0 ? [`${unwell} ${unwell === 1 ? "is" : "are"} not well since`] : []),
    ...(silent > 0
      ? [
          `${silent} ${silent === 1 ? "is" : "are"} silent since${expected > 0 ? `, of which ${expected} would be anyway` : ""}`,
        ]
      : []),
  ];
  const has = installed === 1 ? "has" : "have";
  const sentence =
    parts.length === 0
      ? `${amountOf(installed, "agent")} ${has} it, and nothing is against it`
      : `of ${amountOf(of, "agent")}, ${parts.join(", ")}`;
  return { halt, bad, of, expected, sentence };
}

function expectedSilent(agents: number, control: StageCounts["control"]): number {
  return control.agents < CONTROL ? 0 : Math.ceil((agents * control.silent) / control.agents);
}

/** The least share that `bad` of `of` speak for: the lower end of Wilson's score interval. */
export function leastShare(bad: number, of: number): number {
  if (of === 0) return 0;
  const [p, z2] = [bad / of, Z * Z];
  const centre = p + z2 / (2 * of);
  const spread = Z * Math.sqrt((p * (1 - p)) / of + z2 / (4 * of * of));
  return (centre - spread) / (1 + z2 / of);
}
