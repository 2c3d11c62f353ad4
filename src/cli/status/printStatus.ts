import { formatBytes, formatDuration } from "../../core/amounts.ts";
import { describeHeldBack } from "../../core/content/chooseRelease.ts";
import { formatMoment } from "../../core/moment.ts";
import { outcomeWord } from "../../core/report.ts";
import { describeSourceList } from "../explainCommand.ts";
import { describeHold } from "../holdCommand.ts";
import { paint, print } from "../terminal/output.ts";
import { type MetadataStatus, PLACES, type RunningNow, type Status } from "./readStatus.ts";
import { agoOf, printAgent, printSources } from "./statusAgent.ts";

/** Prints all of it in words for people. */
export function printStatus(status: Status): void {
  const { hidden } = status;
  const role = status.role === null ? "" : `${status.role}, `;
  print(
    `Agent ${status.agentId ?? (hidden.includes(PLACES.state) ? "here" : "without an id yet: the first run makes it")} (${role}domain ${status.domain}) at ${status.addresses.join(", ") || "no known address"}`,
  );
  if (status.sourceList !== null) print(`Source list: ${describeSourceList(status.sourceList)}`);
  for (const each of status.metadata) print(metadataLine(each, hidden));
  const noMetadata = status.metadata.length === 0 && !hidden.includes(PLACES.metadata);
  if (noMetadata) print("No metadata has been verified yet.");
  print();
  if (!hidden.includes(PLACES.installed)) printInstalled(status);
  for (const hold of status.holds) print(`  ${describeHold(hold)}`);
  for (const each of status.heldBack) {
    print(`  ${paint("yellow", "held back")}: ${each.component}: ${describeHeldBack(each, formatMoment)}`);
  }
  print();
  if (!hidden.includes(PLACES.state)) printLastRun(status);
  if (status.running !== null) for (const line of describeRunning(status.running)) print(line);
  if (
    status.hintedAt !== null &&
    status.hintedAt > (status.lastFailure?.ended ?? status.lastRun?.ended ?? "")
  ) {
    const age = formatDuration(Math.max(Date.now() - Date.parse(status.hintedAt), 0));
    print(`Since then, last ${age} ago: DNS said that nothing is newer, so no source was asked`);
  }
  print();
  if (!hidden.includes(PLACES.agent)) printAgent(status.agent);
  for (const remark of status.remarks) print(`${paint("yellow", "note")} ${remark}`);
  if (hidden.length === 0) return;
  print(`Left out, since this account may not read it in ${status.dataDir}: ${hidden.join(", ")}.`);
}

function metadataLine({ repository, version, expires, ageMs }: MetadataStatus, hidden: string[]): string {
  const left = Date.parse(expires) - Date.now();
  const life =
    left > 0 ? `expires in ${formatDuration(left)}` : paint("red", `expired ${formatDuration(-left)} ago`);
  const unknown = hidden.includes(PLACES.state) ? "" : "never confirmed, ";
  const age = ageMs === null ? unknown : `confirmed ${formatDuration(Math.max(ageMs, 0))} ago, `;
  return `${repository}: timestamp ${version}, ${age}${life}`;
}

function printInstalled({ generation, generations, components }: Status): void {
  if (generation === 0) {
    print("Nothing is installed.");
    return;
  }
  const others = generations.filter((each) => each !== generation);
  const kept = others.length === 0 ? "" : ` (also kept: ${others.join(", ")})`;
  print(`Generation ${paint("bold", String(generation))} is installed${kept}:`);
  for (const { kind, name, version, release, files } of components) {
    const bytes = files.reduce((sum, file) => sum + file.length, 0);
    const count = files.length === 1 ? "1 file" : `${files.length} files`;
    print(
      `  ${kind}/${name}  ${paint("bold", version)}  release ${release}, ${count}, ${formatBytes(bytes)}`,
    );
  }
}

function printLastRun({ lastRun, lastFailure }: Pick<Status, "lastRun" | "lastFailure">): void {
  if (lastFailure !== null) {
    const { code, message, hint, ended, trigger, exitCode } = lastFailure;
    const word = code === "INTERRUPTED" ? "interrupted" : paint("red", "failed");
    print(`Last run: ${word}, ${agoOf(ended)} ago (${trigger}, exit ${exitCode})`);
    print(`  ${message} (${code})`);
    if (hint !== undefined) print(`  hint: ${hint}`);
  }
  if (lastRun === null || lastRun === undefined) {
    if (lastFailure === null) print("No run has ended yet.");
    return;
  }
  const { report, ended } = lastRun;
  const which = lastFailure === null ? "Last run" : "The run before it with a report";
  print(
    `${which}: ${outcomeWord(report)}, ${agoOf(ended)} ago (${report.trigger}, exit ${report.exitCode}, ${formatBytes(report.bytes)})`,
  );
  if (report.failure !== undefined) print(`  ${report.failure.message}`);
  printSources(report);
}

function describeRunning(running: RunningNow): string[] {
  const { process, trigger, started, source, transfer, total, waiting, hook } = running;
  const who = process === null ? "another process" : `process ${process}`;
  if (trigger === undefined || started === undefined) return [`Running now: ${who}`];
  const lines = [`${paint("cyan", "Updating now")}: ${trigger}, since ${agoOf(started)} (${who})`];
  if (source !== undefined)
    lines.push(
      `  from ${[source.name, source.url].filter(Boolean).join("  ")}, for ${source.kinds.join(", ")}`,
    );
  if (total !== undefined) lines.push(`  ${amountsOf(total)} of what it is to bring`);
  if (waiting !== undefined) lines.push(`  waiting, since ${agoOf(waiting.since)}: ${waiting.message}`);
  else if (transfer !== undefined) lines.push(`  now ${transfer.component}: ${amountsOf(transfer)}`);
  if (hook !== undefined) lines.push(`  the hook runs: ${hook}`);
  return lines;
}

function amountsOf({ received, length }: { received: number; length: number }): string {
  return `${formatBytes(received)} of ${formatBytes(length)}`;
}
