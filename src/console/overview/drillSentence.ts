import type { FleetEffect } from "../../core/fleet/effect.ts";
import { effectSentence } from "../effect/effectWords.ts";
import { counted } from "../ui/figures/numbers.ts";

/** The answer of a drill: who is left without a source, and who goes where. */
export function drillSentence(without: readonly string[], effect: FleetEffect): string {
  if (without.length === 0) return "Choose the sources that are taken for dead.";
  const left = Math.max(0, ...Object.values(effect.after.uncovered));
  const before = Math.max(0, ...Object.values(effect.before.uncovered));
  const lost =
    left <= before
      ? "**Nobody more is left without a source.**"
      : `**${counted(left, "agent")} ${left === 1 ? "is" : "are"} left without a source for some kind.**`;
  return `${lost} ${effectSentence(effect)}`;
}
