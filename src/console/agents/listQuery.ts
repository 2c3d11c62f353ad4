import type { operations } from "../api/apiTypes.ts";
import type { WordsOf } from "../screenLinks.ts";

type Query = NonNullable<operations["listAgents"]["parameters"]["query"]>;
type Said = WordsOf<"agents">;

const STATES = ["online", "late", "failing", "outdated", "never"] as const;

/** The query of the list that an address stands for. A word that the API would refuse is left out. */
export function filterOf({ q, domain, state, role, source, deviates, pages }: Said): Query {
  const cursor = pages.at(-1);
  const is = STATES.find((each) => each === state);
  const holds = (["agent", "update-agent"] as const).find((each) => each === role);
  return {
    ...(q.trim() === "" ? {} : { q: q.trim() }),
    ...(domain === "" ? {} : { domain }),
    ...(is === undefined ? {} : { state: is }),
    ...(holds === undefined ? {} : { role: holds }),
    ...(source === "" ? {} : { source }),
    ...(deviates ? { deviates } : {}),
    ...(cursor === undefined ? {} : { cursor }),
  };
}

/** Whether anything but the page is said. */
export function isFiltered(said: Said): boolean {
  return Object.keys(filterOf({ ...said, pages: [] })).length > 0;
}
