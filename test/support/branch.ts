import { promises as fs } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect } from "vitest";
import type { Log } from "../../src/config/log.ts";
import { MARKER } from "../../src/store/openDataDir.ts";
import { NearsourceError, type Report, update } from "../../src/update/update.ts";
import { type Asked, declared, expectTraffic, type SourceTraffic, serveWhole } from "../branches/traffic.ts";
import {
  contentPublications,
  newHome,
  payload,
  type SettingsPublication,
  settingsPublications,
} from "./repositories.ts";

/**
 * Replays a branch of the update order: a folder below `fixtures/branches`, of these files. In all of
 * them `{hostname}` stands for the name of the machine that the test runs on.
 */
export interface Branch {
  slug: string;
  /** `list.json`, `policy.json`: the local documents, where there are any. */
  list?: unknown;
  policy?: unknown;
  /** `settings.json`: the server's publications, one after the other. */
  settings?: SettingsPublication[];
  /** `agent.json`: the agent, where it differs from the one every branch begins with. */
  agent?: AgentFile;
  /** `http.json`: the requests to each source, and its answers. */
  http: SourceTraffic[];
  /** `expect.json`: the expected result. */
  expect: Expectation;
}

/** An agent at 10.1.2.3 that needs `components`, and knows a server and ActiveUpdate, unless it says otherwise. */
interface AgentFile {
  addresses?: string[];
  /** Its DNS search list; none by default. */
  search?: string[];
  /** `null` for the kinds of the policy. */
  kinds?: string[] | null;
  server?: string | null;
  activeUpdate?: string | null;
  /** The contents of a root file that stands in place of the right one. */
  roots?: { content?: unknown; settings?: unknown };
  /** Under which `settings/update-agents.json` may grant it the role of an Update Agent. */
  id?: string;
  /** States that an earlier run brought, each repository from any source that this agent asks. */
  before?: { content?: string; settings?: string };
  /** Days between the signing of the repositories and the run. */
  daysLater?: number;
}

/** The outcome of a run, as far as a branch is about it. */
export interface Outcome {
  outcome: Report["outcome"];
  exitCode: number;
  sourceList: { from: string; version: number; code?: string };
  attempts: { rule: string; entry?: number; name?: string; code?: string; delivered: string[] }[];
  skipped: { rule: string; entry?: number; reason: string }[];
  /** Versions by `kind/name`. */
  installed: Record<string, string>;
  removed?: string[];
  undelivered: string[];
  /** Codes that were logged as errors: sources that lied. */
  loud?: string[];
  /** Versions of the files that stand below `current`. */
  current: Record<string, string>;
}

/** The state after a run that stopped: the code of its error. */
export type Stopped = Pick<Outcome, "current"> & { stopped: string };

/** The promise, and its proof: an outcome, whose skipped reasons are parts of the messages, or a stop. */
export type Expectation = { title: string } & (Outcome | Stopped);

/** Every branch below `folder`, in the order of their names. */
export async function readBranches(folder: string): Promise<Branch[]> {
  const slugs = (await fs.readdir(folder)).sort();
  return await Promise.all(slugs.map((slug) => readBranch(path.join(folder, slug))));
}

async function readBranch(folder: string): Promise<Branch> {
  const files = await fs.readdir(folder);
  const contents = await Promise.all(files.map((file) => readJson(path.join(folder, file))));
  const parts = files.map((file, index) => [path.basename(file, ".json"), contents[index]]);
  const branch: Branch = { slug: path.basename(folder), ...Object.fromEntries(parts) };
  // A name that nobody reads would make a branch promise more than it proves.
  refuseUnknown(folder, branch, ["slug", "list", "policy", "settings", "agent", "http", "expect"]);
  refuseUnknown(`${folder}/agent.json`, branch.agent ?? {}, AGENT_KEYS);
  return branch;
}

const AGENT_KEYS = [
  "addresses",
  "search",
  "kinds",
  "server",
  "activeUpdate",
  "roots",
  "id",
  "before",
  "daysLater",
];

function refuseUnknown(place: string, value: object, known: string[]): void {
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new Error(`${place} has "${unknown}", which means nothing`);
}

async function readJson(file: string): Promise<unknown> {
  const text = await fs.readFile(file, "utf8");
  try {
    return JSON.parse(text.replaceAll("{hostname}", os.hostname().toLowerCase()));
  } catch (error) {
    throw new Error(`${file} is not JSON`, { cause: error });
  }
}

/** The result of a branch, and the requests on the way. */
export interface Replay {
  outcome: Outcome | Stopped;
  traffic: Asked;
}

/** Runs the real update on a new agent, against the sources that the branch declares. */
export async function replay(branch: Branch): Promise<Replay> {
  const content = await contentPublications();
  const settings = branch.settings === undefined ? undefined : await settingsPublications(branch.settings);
  const sites = { content: content.states, settings: settings?.states ?? new Map<string, string>() };
  const home = await makeAgent(branch, { content: content.root, settings: settings?.root });
  const { before, daysLater = 0 } = branch.agent ?? {};
  if (before !== undefined) {
    const roots = [sites.content.get(before.content ?? ""), sites.settings.get(before.settings ?? "")];
    await serveWhole(roots, () => earlierRun(home));
  }
  const traffic = expectTraffic(branch.http, sites);
  const outcome = await run(home, new Date(Date.now() + daysLater * 86_400_000));
  return { outcome, traffic: traffic() };
}

async function run(home: string, now: Date): Promise<Outcome | Stopped> {
  const { log, errors } = listen();
  try {
    const report = await update({ config: path.join(home, "config.json"), log, now });
    const loud = errors.map((line) => line.match(/\(([A-Z_]+)\)$/)?.[1] ?? line);
    return toOutcome(report, loud, await currentFiles(home));
  } catch (error) {
    if (!(error instanceof NearsourceError)) throw error;
    return { stopped: error.code, current: await currentFiles(home) };
  }
}

/** The result that `replay` has to give for this branch. */
export function expected(branch: Branch): Replay {
  const { title: _, ...outcome } = branch.expect;
  if ("stopped" in outcome) return { outcome, traffic: declared(branch.http) };
  const skipped = outcome.skipped.map((each) => ({ ...each, reason: expect.stringContaining(each.reason) }));
  return { outcome: { removed: [], loud: [], ...outcome, skipped }, traffic: declared(branch.http) };
}

async function makeAgent(
  branch: Branch,
  roots: { content: string; settings: string | undefined },
): Promise<string> {
  const home = await newHome(branch.slug);
  const { agent = {}, list, policy } = branch;
  const { server = "http://server.corp.example", activeUpdate = "https://update.vendor.example" } = agent;
  const write = (name: string, value: unknown) =>
    fs.writeFile(path.join(home, name), JSON.stringify(value, undefined, 2));
  for (const [name, root] of Object.entries(agent.roots ?? {})) {
    await write(`${name}-root.json`, root);
    roots = { ...roots, [name]: `${name}-root.json` };
  }
  const { kinds = ["components"] } = agent;
  await write("config.json", {
    dataDir: "data",
    roots,
    addresses: agent.addresses ?? ["10.1.2.3"],
    ...(kinds === null ? {} : { kinds }),
    ...(server === null ? {} : { server }),
    ...(activeUpdate === null ? {} : { activeUpdate }),
    ...(list === undefined ? {} : { sourceList: "list.json" }),
    ...(policy === undefined ? {} : { policy: "policy.json" }),
    // No request gets that far. One that did would find nobody there.
    dns: { servers: ["127.0.0.1:9"], timeout: 1, search: agent.search ?? [] },
    http: { proxy: "none" },
  });
  if (list !== undefined) await write("list.json", list);
  if (policy !== undefined) await write("policy.json", policy);
  await fs.mkdir(path.join(home, "data"));
  await fs.writeFile(path.join(home, "data", MARKER), "");
  await write("data/state.json", { agentId: agent.id ?? "an-agent", fresh: {}, failed: {}, etags: {} });
  return home;
}

async function earlierRun(home: string): Promise<void> {
  const report = await update({ config: path.join(home, "config.json") });
  if (report.exitCode !== 0)
    throw new Error(`the earlier run failed: ${JSON.stringify(report, undefined, 2)}`);
}

function listen(): { log: Log; errors: string[] } {
  const errors: string[] = [];
  const nothing = () => {};
  const error = (message: string) => void errors.push(message);
  return { log: { error, warn: nothing, info: nothing, debug: nothing }, errors };
}

function toOutcome(report: Report, loud: string[], current: Record<string, string>): Outcome {
  const { outcome, exitCode, removed, undelivered } = report;
  const { from, version, code } = report.sourceList;
  return {
    outcome,
    exitCode,
    sourceList: { from, version, ...(code === undefined ? {} : { code }) },
    attempts: report.attempts.map((attempt) => pick(attempt, ["rule", "entry", "name", "code", "delivered"])),
    skipped: report.skipped.map((skipped) => pick(skipped, ["rule", "entry", "reason"])),
    installed: Object.fromEntries(
      report.installed.map(({ kind, component, toVersion }) => [`${kind}/${component}`, toVersion ?? ""]),
    ),
    removed,
    undelivered,
    loud,
    current,
  };
}

function pick<Whole extends object, Key extends keyof Whole>(whole: Whole, keys: Key[]): Pick<Whole, Key> {
  const parts = keys.filter((key) => whole[key] !== undefined).map((key) => [key, whole[key]]);
  return Object.fromEntries(parts);
}

/** The installed files with the version that their bytes show; bytes that are no release's show as they are. */
async function currentFiles(home: string): Promise<Record<string, string>> {
  const current = path.join(home, "data", "current");
  const entries = await fs.readdir(current, { recursive: true, withFileTypes: true }).catch(() => []);
  const files: Record<string, string> = {};
  for (const entry of entries) {
    const file = path.relative(current, path.join(entry.parentPath, entry.name));
    if (!entry.isFile() || file === "manifest.json") continue;
    const text = await fs.readFile(path.join(current, file), "utf8");
    const [name = "", version = ""] = text.split(/\s/);
    files[file] = text === payload(name, version) ? version : text;
  }
  return files;
}
