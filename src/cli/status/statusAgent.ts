import {
  isResident,
  type PastRun,
  type ResidentState,
  readResidentState,
  residentDirOf,
  residentProcess,
  type Serving,
} from "../../agent/residentState.ts";
import { formatBytes, formatDuration } from "../../core/amounts.ts";
import type { Report } from "../../core/report.ts";
import { listFolder } from "../../store/durable.ts";
import { paint, print } from "../terminal/output.ts";

/**
 * The state of the resident agent in `status`; null if there has never been one. `resident` is null if this
 * account may not know whether it is there. One that is there and could not write its state is `unwritten`.
 */
export type AgentStatus = (Partial<ResidentState> & { resident: boolean | null; unwritten?: true }) | null;

/**
 * Reads the state that the resident agent has written, and whether it is there.
 *
 * @throws NearsourceError STORAGE_UNWRITABLE where this account may not look
 */
export async function agentStatus(dataDir: string): Promise<AgentStatus> {
  const dir = residentDirOf(dataDir);
  await listFolder(dir.root);
  const state = await readResidentState(dir);
  const resident = await isResident(dir);
  if (resident === true) {
    const pid = Number(await residentProcess(dir)) || undefined;
    const isBefore = state === undefined || (pid !== undefined && pid !== state.pid);
    // The state was written by the agent before, if by any.
    if (isBefore) return { resident, unwritten: true, ...(pid && { pid }), runs: state?.runs ?? [] };
  }
  if (state === undefined) return null;
  if (resident === false) return { resident, runs: state.runs };
  return { resident: resident ?? null, ...state };
}

export function printAgent(agent: AgentStatus): void {
  if (agent === null) {
    print("No agent stays resident here.");
  } else if (agent.resident === false) {
    print("The agent is not running.");
  } else if (agent.resident === null) {
    print("Whether the agent is running, only root and its own account can tell.");
    if (agent.next) print(`  it last said: ${describeNext(agent)}`);
  } else if (agent.unwritten) {
    const who = agent.pid === undefined ? "" : ` (process ${agent.pid})`;
    print(`The agent is running${who}, and could not write what it does: look at its log, and at the disk.`);
  } else {
    const port = agent.port === null ? "listens at no port" : `listens at port ${agent.port}`;
    print(`The agent is running (process ${agent.pid}, since ${agoOf(agent.since)}), and ${port}.`);
    if (agent.portFailure) print(`  ${paint("yellow", "no port yet")}: ${agent.portFailure}`);
    print(`  ${describeNext(agent)}`);
    if (agent.serves) print(`  ${describeServing(agent.serves)}`);
  }
  for (const run of agent?.runs ?? []) print(`  ${describeRun(run)}`);
}

const WHY = {
  schedule: "scheduled",
  missed: "missed before",
  retry: "again after a failure",
  asked: "notified",
};

/** The agent looks at the clock every 5 minutes: times overdue by more (ms) were never written. */
const LATE = 600_000;

function describeNext({ next, running }: Partial<ResidentState>): string {
  if (running) {
    const waiting = running.waiting === undefined ? "" : `, waiting: ${running.waiting}`;
    return `updating now (${running.trigger}, since ${agoOf(running.since)}${waiting})`;
  }
  if (!next) return "next update: none is planned";
  const left = Math.max(Date.parse(next.at) - Date.now(), 0);
  if (Date.now() - Date.parse(next.at) > LATE)
    return `next update: was due ${agoOf(next.at)} ago, and the agent has written nothing since: look at its log, and at the disk`;
  return `next update: in ${formatDuration(left)} (${WHY[next.why]})`;
}

function describeServing({ serving, reason, held = 0, missing = 0, ...fill }: Serving): string {
  const who = serving ? "serves as an Update Agent" : `does not serve as an Update Agent: ${reason}`;
  const { missingBytes = 0, fillRate, secondsLeft = 0 } = fill;
  if (missing === 0) return `${who}, and holds all ${held} objects of the newest releases`;
  const time =
    fillRate === undefined ? "" : `, ${formatDuration(secondsLeft * 1_000)} at ${formatBytes(fillRate)}/s`;
  return `${who}, and is filling: ${held} of ${held + missing} objects of the newest releases are held, ${formatBytes(missingBytes)} are missing${time}`;
}

function describeRun({ trigger, ended, outcome, code, bytes }: PastRun): string {
  const failed = code === undefined ? "" : ` (${code})`;
  const amount = bytes === undefined ? "" : `, ${formatBytes(bytes)}`;
  return paint("dim", `${agoOf(ended)} ago: ${outcome}${failed}, ${trigger}${amount}`);
}

/** The age of a time, for people. */
export function agoOf(time: string | undefined): string {
  return formatDuration(Math.max(Date.now() - Date.parse(time ?? ""), 0));
}

/** Prints the source used last and why, and why those before it were not. */
export function printSources({ attempts, skipped }: Pick<Report, "attempts" | "skipped">): void {
  for (const attempt of attempts) {
    const { name, url, clause, entry, delivered, outcome, code, message, newerComing } = attempt;
    const did = outcome === "current" ? "nothing new of" : "delivered";
    const ahead = newerComing === true ? ", but something newer is on its way there" : "";
    const what = delivered.length > 0 ? `${did} ${delivered.join(", ")}${ahead}` : `${message} (${code})`;
    const place = [
      entry === undefined ? "" : `entries[${entry}]`,
      clause === undefined ? "" : `clause ${clause}`,
    ];
    const why = place.filter(Boolean).join(", ");
    print(`  ${name ?? url}: ${what}${why === "" ? "" : paint("dim", `  [${why}]`)}`);
  }
  for (const { name, url, rule, entry, reason } of skipped) {
    const source = name ?? url ?? (entry === undefined ? rule : `entries[${entry}]`);
    print(`  ${paint("dim", "not tried:")} ${source}: ${reason}`);
  }
}
