import type { FleetEffect } from "../../core/fleet/effect.ts";
import { counted } from "../ui/figures/numbers.ts";
import { plain } from "../ui/sentence.ts";

type Effect = Pick<FleetEffect, "before" | "after" | "moved">;

/** Moves that are said by name; the rest are counted. */
const MOST_SAID = 3;

/** Moves in one sentence: "Moves **288 agents** from ua-berlin-1 to ua-berlin-2. 952 stay." */
export function effectSentence({ after, moved }: Effect): string {
  const total = moved.reduce((sum, { agents }) => sum + agents, 0);
  if (after.agents === 0) return "There are no agents yet.";
  if (total === 0) return `No agent's first source changes; all ${counted(after.agents, "agent")} stay.`;
  const said = moved.slice(0, MOST_SAID).map(({ from, to, agents }) => {
    return `**${counted(agents, "agent")}** from ${nameOf(from)} to ${nameOf(to)}`;
  });
  const others = moved.slice(MOST_SAID).reduce((sum, { agents }) => sum + agents, 0);
  const rest = others === 0 ? "" : `, and ${counted(others, "other")}`;
  return `Moves ${said.join(", ")}${rest}. ${counted(after.agents - total, "agent")} ${after.agents - total === 1 ? "stays" : "stay"}.`;
}

/** Sources with the agents that they are first for, before and after; the largest first. */
export function effectRows({ before, after }: Effect): { name: string; before: number; after: number }[] {
  const names = new Set([...before.sources, ...after.sources].map(({ name }) => name));
  const agentsOf = ({ sources }: Effect["before"], name: string) =>
    sources.find((each) => each.name === name)?.agents ?? 0;
  return [...names]
    .map((name) => ({ name, before: agentsOf(before, name), after: agentsOf(after, name) }))
    .toSorted((one, other) => Math.max(other.before, other.after) - Math.max(one.before, one.after));
}

function nameOf(source: string | null): string {
  return source === null ? "no source" : plain(source);
}
