import { formatDuration } from "../../core/amounts.ts";
import type { Body, Item } from "../api/bodies.ts";
import { hrefOf } from "../screenLinks.ts";
import { count, counted } from "../ui/figures/numbers.ts";
import { byRows, capital, plain } from "../ui/sentence.ts";

/** Something that needs somebody: what, what follows, since when, and one or two ways on. */
export interface Need {
  tone: "bad" | "warn";
  /** With the marks of a sentence. */
  text: string;
  /** Milliseconds since the epoch. */
  since?: number | undefined;
  links: { text: string; href: string }[];
}

/** Facts that the page reads. */
export interface OverviewFacts {
  states: Body<"listAgents">["states"];
  deviating: number;
  releases: readonly Item<"listReleases">[];
  proposals: number;
  expiries: readonly Item<"listExpiries">[];
  mirror: Body<"getMirror">;
  holders: readonly Pick<Item<"listUpdateAgents">, "id" | "name" | "lostAt">[];
}

/** Facts that take a look at every agent. */
export interface WholeFleet {
  uncovered: Body<"getUncovered">;
  findings: readonly Finding[];
}

type Finding = Body<"checkSourceList">["findings"][number];

/** Everything that needs somebody, the most urgent first. @param fleet undefined while it is looked at */
export function needsOf(facts: OverviewFacts, fleet: WholeFleet | undefined, now: number): Need[] {
  const all = [
    ...haltedNeeds(facts),
    ...lostNeeds(facts),
    ...(fleet === undefined ? [] : findingNeeds(fleet)),
    ...stateNeeds(facts),
    ...(fleet === undefined ? [] : uncoveredNeeds(fleet)),
    ...mirrorNeeds(facts),
    ...expiryNeeds(facts, now),
  ];
  return all.toSorted((one, other) => Number(other.tone === "bad") - Number(one.tone === "bad"));
}

function lostNeeds({ holders }: OverviewFacts): Need[] {
  return holders.flatMap(({ id, name, lostAt }): Need[] => {
    if (lostAt === null) return [];
    const text = `**The Update Agent ${plain(name)} is not connected any more**: agents that go to it first wait for it, and go on to the next.`;
    return [
      { tone: "bad", text, since: lostAt, links: [{ text: "Look at it", href: hrefOf("agent", { id }) }] },
    ];
  });
}

function haltedNeeds({ releases, proposals }: OverviewFacts): Need[] {
  const halted = releases.flatMap(({ kind, name, releases: [newest] }): Need[] => {
    if (newest?.halt == null) return [];
    const { at, evidence, reason } = newest.halt;
    const text = `**${plain(`${name} ${newest.version}`)} was halted.** ${capital(plain(evidence?.sentence ?? reason))}.`;
    return [
      {
        tone: "bad",
        text,
        since: at,
        links: [{ text: "Look at the evidence", href: hrefOf("release", { kind, name }) }],
      },
    ];
  });
  if (proposals === 0) return halted;
  const text = `**${counted(proposals, "change")} of a release** ${proposals === 1 ? "waits" : "wait"} for a second person.`;
  return [...halted, { tone: "warn", text, links: [{ text: "Releases", href: hrefOf("releases") }] }];
}

/** Findings of the list in force that are of the fleet as it is, and not of how the list is written. */
const PRESSING = /^(?:UPDATE_AGENT_(?!FOR_FEW)|SOURCE_|HOST_UNRESOLVED|AGENTS_WITHOUT_SOURCE)/;

/** Codes that say most of a source, the most telling first: with one of them, the others follow from it or can wait. */
const TELLING: readonly string[] = [
  "SOURCE_REJECTED",
  "HOST_UNRESOLVED",
  "UPDATE_AGENT_SILENT",
  "SOURCE_FAILING",
  "UPDATE_AGENT_WITHOUT_ROLE",
  "UPDATE_AGENT_WITHOUT_KINDS",
  "UPDATE_AGENT_DISK",
  "UPDATE_AGENT_OVERLOADED",
  "UPDATE_AGENT_UNKNOWN",
];

function placeOf({ code }: Finding): number {
  const place = TELLING.indexOf(code);
  return place === -1 ? TELLING.length : place;
}

/** One finding for each entry, and of entries that lead to one source one for all, where it is of the source. */
function mostTelling(findings: readonly Finding[]): Finding[] {
  const byEntry = Map.groupBy(findings, (finding) => finding.entry ?? finding);
  const ofEntries = [...byEntry.values()].map((all) =>
    all.reduce((most, each) => (placeOf(each) < placeOf(most) ? each : most)),
  );
  return [...new Map(ofEntries.map((each) => [each.message, each])).values()];
}

function findingNeeds({ findings }: WholeFleet): Need[] {
  return mostTelling(findings.filter(({ code }) => PRESSING.test(code))).map(
    ({ level, code, message, remedy }) => ({
      tone: level === "error" || code === "SOURCE_REJECTED" ? "bad" : "warn",
      text: `**${capital(byRows(plain(message)))}.** ${capital(byRows(plain(remedy)))}.`,
      links: [{ text: "Update Source", href: hrefOf("updateSource") }],
    }),
  );
}

function stateNeeds({ states, deviating }: OverviewFacts): Need[] {
  const needs: Need[] = [];
  const { failing, late } = states;
  if (failing > 0) {
    const text = `**${counted(failing, "agent")} ${failing === 1 ? "fails" : "fail"}**: the last run did not get what it could have.`;
    needs.push({
      tone: "bad",
      text,
      links: [{ text: "Which", href: hrefOf("agents", { state: "failing" }) }],
    });
  }
  if (deviating > 0) {
    const text = `**${counted(deviating, "agent")} ${deviating === 1 ? "does" : "do"} not do what the list says**: they went elsewhere than planned.`;
    needs.push({
      tone: "warn",
      text,
      links: [{ text: "Which, and why", href: hrefOf("agents", { deviates: true }) }],
    });
  }
  if (late > 0) {
    const text = `**${counted(late, "agent")} ${late === 1 ? "is" : "are"} late**: no report for twice the interval.`;
    needs.push({ tone: "warn", text, links: [{ text: "Which", href: hrefOf("agents", { state: "late" }) }] });
  }
  return needs;
}

function uncoveredNeeds({ uncovered }: WholeFleet): Need[] {
  const { agents, networks, more } = uncovered;
  const [first] = networks;
  if (agents === 0 || first === undefined) return [];
  const others = networks.length - 1 + more;
  const where =
    others === 0
      ? `in ${first.network}`
      : `in ${first.network} and ${count(others)} other ${others === 1 ? "network" : "networks"}`;
  const text = `**${counted(agents, "agent")} ${where} ${agents === 1 ? "matches" : "match"} no entry** and ${agents === 1 ? "uses" : "use"} what comes after the list.`;
  return [
    {
      tone: "warn",
      text,
      links: [{ text: "Add entry…", href: hrefOf("updateSource", { open: "new", range: first.network }) }],
    },
  ];
}

function mirrorNeeds({ mirror }: OverviewFacts): Need[] {
  if (mirror.error === null) return [];
  const age = mirror.age === null ? "" : ` What is here was confirmed ${formatDuration(mirror.age)} ago.`;
  const text = `**The vendor's content could not be renewed.** ${capital(plain(mirror.error.message))}.${age}`;
  return [
    { tone: "bad", text, since: mirror.error.at, links: [{ text: "Releases", href: hrefOf("releases") }] },
  ];
}

function expiryNeeds({ expiries }: OverviewFacts, now: number): Need[] {
  return (
    expiries
      // Tokens by which machines enrol are made to end.
      .filter(({ state, area }) => state !== "fine" && area !== "enrolment")
      .map(({ what, expires, state, reason, remedy }) => {
        const when =
          expires === null || state === "ended" ? "has ended" : `ends in ${formatDuration(expires - now)}`;
        const text = `**The ${plain(what)} ${when}.** ${reason === null ? "" : `${capital(plain(reason))}. `}${capital(plain(remedy))}.`;
        return {
          tone: state === "ended" ? "bad" : "warn",
          text,
          links: [{ text: "Expiries", href: hrefOf("expiries") }],
        };
      })
  );
}
