import * as v from "valibot";
import { describeFault, reviewSettingsFile } from "../../config/settingsFile.ts";
import { type ListDiff, listDiff } from "../../core/fleet/listDiff.ts";
import { withRequires } from "../../core/order/sourceList.ts";
import { NearsourceError, onOneLine } from "../../errors.ts";
import { exitCodeOf } from "../terminal/exitCode.ts";
import { toDocument } from "../terminal/failure.ts";
import { paint, print, printError, printJson } from "../terminal/output.ts";
import { onSignals } from "../terminal/running.ts";
import { type CallServer, readAnswer, type ServerOptions, withServer } from "./serverApi.ts";

export interface ApplyOptions extends ServerOptions {
  dryRun?: boolean;
  /** With `dryRun`: exit 3 where the list would change. */
  exitCode?: boolean;
  /** Reason of the change, for its version and the audit log. */
  note?: string;
  /** The version that has to be in force. */
  ifVersion?: string;
  json?: boolean;
}

const count = v.pipe(v.number(), v.safeInteger());
const findingSchema = v.looseObject({
  level: v.picklist(["error", "warning"]),
  entry: v.nullable(count),
  field: v.string(),
  message: v.string(),
});
const name = v.nullable(v.string());
const sourcesSchema = v.looseObject({
  agents: count,
  uncovered: v.record(v.string(), count),
  unmatched: count,
});
const effectSchema = v.looseObject({
  moved: v.array(v.looseObject({ from: name, to: name, agents: count })),
  before: sourcesSchema,
  after: sourcesSchema,
});
/** Answers of the server, as far as they are used: another program may be there in its place. */
const inForceSchema = v.looseObject({
  version: count,
  list: v.nullable(v.looseObject({ entries: v.optional(v.array(v.looseObject({}))) })),
});
const checkedSchema = v.looseObject({ findings: v.array(findingSchema), effect: v.nullable(effectSchema) });
const savedSchema = v.looseObject({ ...checkedSchema.entries, version: count });

type Finding = v.InferOutput<typeof findingSchema>;
type Effect = v.InferOutput<typeof effectSchema>;

/** Result of an application, as `--json` prints it. */
interface Applied {
  /** The list differs from the one that was in force. */
  changed: boolean;
  /** It was saved. */
  applied: boolean;
  /** The version in force now. */
  version: number;
  findings: Finding[];
  effect: Effect | null;
  diff: ListDiff;
}

/** `nearsource sources apply FILE --server URL`: makes a list that is kept in a file the one in force. */
export async function applyCommand(file: string, options: ApplyOptions): Promise<number> {
  const list = await readList(file);
  const interruption = onSignals();
  try {
    const applied = await withServer(options, interruption.signal, (call) => apply(call, list, options));
    const refusal = refusalOf(file, applied);
    if (options.json === true) printJson({ ...applied, ...(refusal && toDocument(refusal)) });
    else printApplied(file, applied);
    if (refusal !== undefined) {
      printError(refusal);
      return exitCodeOf(refusal);
    }
    return options.dryRun === true && options.exitCode === true && applied.changed ? 3 : 0;
  } finally {
    interruption.end();
  }
}

function refusalOf(file: string, { findings }: Applied): NearsourceError | undefined {
  if (!findings.some(({ level }) => level === "error")) return undefined;
  return new NearsourceError("SOURCE_LIST_INVALID", `${file} is refused`, {
    hint: "nothing was changed: agents would refuse such a list whole",
  });
}

/** The list as it was written: the server says whether it is one. */
async function readList(file: string): Promise<Record<string, unknown>> {
  const anything = v.looseObject({});
  const { faults, repeated, value } = await reviewSettingsFile(file, anything, "SOURCE_LIST_INVALID");
  const wrong = [...faults, ...repeated].map(describeFault);
  if (wrong.length === 0) return withRequires(value as Record<string, unknown>);
  throw new NearsourceError("SOURCE_LIST_INVALID", `${file} cannot be read`, { faults: wrong });
}

async function apply(
  call: CallServer,
  list: Record<string, unknown>,
  { dryRun, note, ifVersion }: ApplyOptions,
): Promise<Applied> {
  const inForce = readAnswer(inForceSchema, await call("GET", "/source-list"));
  const { version } = inForce;
  if (ifVersion !== undefined && ifVersion !== String(version)) {
    throw new NearsourceError("SERVER_REFUSED", `version ${version} is in force, not ${ifVersion}`, {
      hint: "look at what was changed there, take it over into the file, and apply it anew",
    });
  }
  const diff = listDiff(inForce.list ?? {}, list);
  const changed = inForce.list === null || diff.fields.length + diff.entries.length > 0;
  const checked = readAnswer(checkedSchema, await call("POST", "/source-list/check", { body: list }));
  const { findings, effect } = checked;
  const isRefused = findings.some(({ level }) => level === "error");
  if (!changed || isRefused || dryRun === true) {
    return { changed, applied: false, version, findings, effect, diff };
  }
  const query = note === undefined ? "" : `?note=${encodeURIComponent(note)}`;
  const given = { body: list, ifMatch: `"${version}"` };
  const saved = readAnswer(savedSchema, await call("PUT", `/source-list${query}`, given));
  return { changed, applied: true, ...saved, diff };
}

function printApplied(file: string, { changed, applied, version, findings, effect, diff }: Applied): void {
  for (const { level, entry, field, message } of findings) {
    const place = [entry === null ? "the list" : `entries[${entry}]`, field].filter((part) => part !== "");
    // The server's words are one line, and look like none of ours.
    const said = onOneLine(`${place.join(".")}: ${message}`);
    print(`  ${paint(level === "error" ? "red" : "yellow", level)} ${said}`);
  }
  if (findings.some(({ level }) => level === "error")) return;
  if (!changed) {
    print(`${file} is what is in force, as version ${version}: nothing to change`);
    return;
  }
  print(onOneLine(describeDiff(diff)));
  if (effect !== null) for (const line of describeEffect(effect)) print(`  ${onOneLine(line)}`);
  print(
    applied
      ? `${paint("green", "applied")}: version ${version} is signed and published`
      : `nothing was changed: version ${version} stays in force`,
  );
}

function describeDiff({ fields, entries }: ListDiff): string {
  const counts = (["added", "removed", "changed", "moved"] as const).map((kind) => {
    return [kind, entries.filter(({ kinds }) => kinds.includes(kind)).length] as const;
  });
  const ofEntries = counts.filter(([, count]) => count > 0).map(([kind, count]) => `${count} ${kind}`);
  const ofList = fields.map(({ field }) => field);
  return (
    [
      ...(ofEntries.length === 0 ? [] : [`entries: ${ofEntries.join(", ")}`]),
      ...(ofList.length === 0 ? [] : [`of the list: ${ofList.join(", ")}`]),
    ].join("; ") || "a first list, without entries"
  );
}

/** Moves that are named one by one; of more, the rest is counted. */
const NAMED = 20;

function describeEffect({ moved, after }: Effect): string[] {
  const count = (agents: number) => (agents === 1 ? "1 agent" : `${agents} agents`);
  const lines = moved.map(({ from, to, agents }) => {
    return `${count(agents)}: from ${from ?? "no source"} to ${to ?? "no source"}`;
  });
  const more = moved.slice(NAMED).reduce((sum, { agents }) => sum + agents, 0);
  const uncovered = Object.entries(after.uncovered).map(([kind, agents]) => {
    return `${count(agents)} would have no source for ${kind}`;
  });
  return [
    ...(lines.length === 0 ? [`no agent of ${after.agents} goes elsewhere first`] : lines.slice(0, NAMED)),
    ...(more > 0 ? [`${count(more)} in ${moved.length - NAMED} more moves`] : []),
    ...uncovered,
    ...(after.unmatched > 0 ? [`${count(after.unmatched)} would be matched by no entry`] : []),
  ];
}
