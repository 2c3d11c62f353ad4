import { asItListens } from "../agent/residentState.ts";
import { describeHeldBack } from "../core/content/chooseRelease.ts";
import type { Kind } from "../core/content/kind.ts";
import { formatMoment } from "../core/moment.ts";
import type { PassedOver, Step } from "../core/order/plan.ts";
import type { SourceList } from "../core/order/sourceList.ts";
import type { HeldComponent, Report } from "../core/report.ts";
import { type Explanation, explain } from "../update/settings/explain.ts";
import { paint, print, printJson } from "./terminal/output.ts";
import { warnOfRefusals } from "./terminal/refusals.ts";

export interface ExplainCommandOptions {
  ip?: string[];
  dnsSuffix?: string[];
  sourceList?: string;
  kind?: Kind[];
  config?: string;
  json?: boolean;
}

/** `nearsource explain`: prints exactly the plan that `update` would walk, and asks nobody for it. */
export async function explainCommand(options: ExplainCommandOptions): Promise<number> {
  const { config, ip, dnsSuffix, sourceList, kind, json } = options;
  const asked = { config, addresses: ip, dnsSuffixes: dnsSuffix, sourceList, kinds: kind };
  const { explanation, list } = await explain(asked, async (found) => {
    const config = await asItListens(found);
    await warnOfRefusals(config);
    return config;
  });
  if (json === true) {
    printJson(explanation);
    return 0;
  }
  printOrder(explanation, list);
  printHeldBack(explanation.heldBack);
  const { remarks, unknown } = explanation;
  if (remarks.length > 0) print();
  for (const remark of remarks) print(`${paint("yellow", "note")} ${remark}`);
  for (const each of unknown) print(`\n${paint("yellow", "Not known")} to this account: ${each}.`);
  return 0;
}

const FROM = {
  server: "from the server",
  cache: "the last one that was verified",
  file: "from a local file",
  none: "none, so the standard source is used",
} as const;

/** Origin of the list in force, with its version if it has one: `version 7, from a local file`. */
export function describeSourceList({ version, from }: Report["sourceList"]): string {
  return version === 0 ? FROM[from] : `version ${version}, ${FROM[from]}`;
}

function printOrder(order: Explanation, { entries }: SourceList): void {
  const { addresses, dnsSuffixes, domain, role, sourceList } = order;
  const who = role === "agent" ? "agent" : "Update Agent";
  print(`This ${who} (domain ${domain}) has ${addresses.join(", ") || "no address"}.`);
  if (entries.some(({ dnsSuffix }) => dnsSuffix !== undefined)) {
    print(`Its DNS search list has ${dnsSuffixes.join(", ") || "no domain"}.`);
  }
  print(`Source list: ${describeSourceList(sourceList)}.`);
  print();
  print(order.steps.length === 0 ? "No source would be tried." : "Would be tried, one after the other:");
  for (const [index, step] of order.steps.entries()) printStep(step, index + 1);
  if (order.skipped.length > 0) {
    print();
    print("Passed over:");
    for (const each of order.skipped) print(`  - ${placeOf(each)}: ${each.reason}`);
  }
  if (order.uncovered.length > 0) {
    print();
    print(`${paint("yellow", "Not covered")}: nobody in this order delivers ${order.uncovered.join(", ")}.`);
  }
}

function printHeldBack(held: HeldComponent[]): void {
  if (held.length > 0) print("\nHeld back:");
  for (const each of held) print(`  - ${each.component}: ${describeHeldBack(each, formatMoment)}`);
}

function printStep(step: Step, number: number): void {
  print(`  ${number}. ${paint("bold", placeOf(step))}`);
  print(`     for ${step.kinds.join(", ")}`);
  print(`     because ${step.why} ${paint("dim", `(clause ${step.clause})`)}`);
}

function placeOf({ rule, entry, name, url }: Omit<PassedOver, "reason">): string {
  const source = { custom: `entries[${entry}]`, server: "server", "active-update": "ActiveUpdate" }[rule];
  return [source, name, url].filter((part) => part !== undefined).join("  ");
}
