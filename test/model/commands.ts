import fc from "fast-check";
import { expect } from "vitest";
import type { Config } from "../../src/config/configSchema.ts";
import { SILENT } from "../../src/config/log.ts";
import { parsePolicy } from "../../src/core/settings/policy.ts";
import type { DataDir } from "../../src/store/dataDir.ts";
import { rollback } from "../../src/update/repair/rollback.ts";
import { type Report, update } from "../../src/update/update.ts";
import { expectSound, expectTidy } from "./expect.ts";
import { ACTIVE_UPDATE, type History, type Publication, URLS } from "./history.ts";
import { countCall, type Ending, runUntil } from "./kill.ts";
import { type Observed, observe, releasesOf } from "./observe.ts";
import { type Prediction, predict } from "./predict.ts";
import { type Fault, HOWS, type SimulatedSource, simulatedFetcher } from "./transport.ts";

/** The model's memory of an endpoint, beside the files on its disk. */
export interface Model {
  history: History;
  /** Index of the newest publication that is out. */
  newest: number;
  /** Counted for the people who read the output. */
  count: Record<string, number>;
}

/** The endpoint: the real client on a real disk. */
export interface Endpoint {
  config: Config;
  dirs: DataDir;
}

/** A source in one run: how far it is behind in each repository, and how it fails. */
export interface SourceState {
  behind: { content: number; settings: number };
  fault: Fault;
  etags: boolean;
  ranges: boolean;
}

type Command = fc.AsyncCommand<Model, Endpoint>;

const HOUR = 3_600_000;

/** The vendor, the site or both publish. */
class Publish implements Command {
  check({ newest, history }: Readonly<Model>): boolean {
    return newest + 1 < history.publications.length;
  }
  async run(model: Model): Promise<void> {
    model.newest += 1;
    tally(model, "publications");
  }
  toString(): string {
    return "publish";
  }
}

/** One update run. */
export class Update implements Command {
  readonly sources: Record<string, SourceState>;
  /** Hours from the newest publication to this run. */
  readonly hours: number;
  readonly ending: Ending;

  constructor(sources: Record<string, SourceState>, hours: number, ending: Ending) {
    this.sources = sources;
    this.hours = hours;
    this.ending = ending;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, { config, dirs }: Endpoint): Promise<void> {
    const { history, newest } = model;
    const sources = simulate(history, newest, this.sources);
    const clock = new Date((history.publications[newest] as Publication).at.getTime() + this.hours * HOUR);
    const before = await observe(dirs, history);
    const now = timeOf(clock, before.state.clockFloor);
    const expected = predict(before, sources, now ?? clock);
    const fetcher = simulatedFetcher(sources, countCall);
    const { result, error, cutOff } = await runUntil(this.ending, (signal) =>
      update({ config, fetcher, now: clock, signal }),
    );
    const after = await observe(dirs, history);
    tally(model, "runs");
    expectSound(history, before, after, heldReleases(after));
    if (now === undefined) {
      expect(error).toMatchObject(cutOff ? {} : { code: "CLOCK_BEHIND" });
      expect(releasesOf(after)).toEqual(releasesOf(before));
      return;
    }
    if (result === undefined) {
      if (!cutOff) throw error;
      tally(model, this.ending.how);
      if (this.ending.how === "interrupted") expect(error).toMatchObject({ code: "INTERRUPTED" });
      expect([releasesOf(before), expected.installed]).toContainEqual(releasesOf(after));
      return;
    }
    tally(model, result.outcome);
    expectReport(result, expected);
    expect(releasesOf(after)).toEqual(expected.installed);
    await expectTidy(dirs, after, expected.undelivered.length === 0);
  }

  toString(): string {
    const sources = Object.entries(this.sources).map(([url, { behind, fault, etags, ranges }]) => {
      const { how, on, half } = fault;
      const said = how === "none" ? "works" : `${how} on ${half ? "half of " : ""}${on}`;
      return `${url} -${behind.content}/-${behind.settings} ${said}${etags ? " etags" : ""}${ranges ? "" : " no ranges"}`;
    });
    const { how, at } = this.ending;
    return `update after ${this.hours} h, ${how === "by itself" ? how : `${how} at ${at}`} [${sources.join("; ")}]`;
  }
}

/** Back to the generation before. */
class Rollback implements Command {
  check(): boolean {
    return true;
  }
  async run(model: Model, { config, dirs }: Endpoint): Promise<void> {
    const before = await observe(dirs, model.history);
    const number = before.generations.find((each) => each < (before.installed?.generation ?? 0));
    const going = rollback(config, SILENT);
    if (number === undefined) {
      await expect(going).rejects.toMatchObject({ code: "GENERATION_NOT_FOUND" });
      return;
    }
    const { to } = await going;
    tally(model, "rollbacks");
    expect(to.generation).toBe(number);
    const after = await observe(dirs, model.history);
    expect(after.installed).toEqual(to);
  }
  toString(): string {
    return "roll back";
  }
}

/** An update from sources that all work and are current. */
export function honestUpdate(): Update {
  const state = { behind: { content: 0, settings: 0 }, fault: NO_FAULT, etags: false, ranges: true };
  return new Update(Object.fromEntries([...URLS, ACTIVE_UPDATE].map((url) => [url, state])), 1, LIVES);
}

const NO_FAULT: Fault = { how: "none", on: "everything", half: false };
const LIVES: Ending = { how: "by itself", at: 0 };

const behind = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat({ max: 3 }));
const fault: fc.Arbitrary<Fault> = fc.record({
  how: fc.constantFrom(...HOWS.slice(1)),
  on: fc.constantFrom(
    ...(["everything", "timestamp", "snapshot", "targets", "role", "document", "object", "object"] as const),
  ),
  half: fc.boolean(),
});
const state: fc.Arbitrary<SourceState> = fc.record({
  behind: fc.record({ content: behind, settings: behind }),
  fault: fc.oneof({ weight: 2, arbitrary: fc.constant(NO_FAULT) }, { weight: 3, arbitrary: fault }),
  etags: fc.boolean(),
  ranges: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.constant(false)),
});
const states = fc.record(Object.fromEntries([...URLS, ACTIVE_UPDATE].map((url) => [url, state])));
/** Mostly soon; at times when all timestamps have run out, or with a clock that was set back. */
const hours = fc.oneof(
  { weight: 10, arbitrary: fc.nat({ max: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom(15 * 24, -30, -20 * 24, 13 * 24 + 20) },
);
const ending: fc.Arbitrary<Ending> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(LIVES) },
  {
    weight: 1,
    arbitrary: fc.record({ how: fc.constant("killed" as const), at: fc.integer({ min: 1, max: 220 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      how: fc.constantFrom("killed" as const, "interrupted" as const),
      at: fc.integer({ min: 1, max: 60 }),
    }),
  },
);

/** Sequences of what may happen to an endpoint and around it. */
export const commands = fc.commands(
  [
    fc.constant(new Publish()),
    fc.tuple(states, hours, ending).map((parts) => new Update(...parts)),
    fc.tuple(states, hours, ending).map((parts) => new Update(...parts)),
    fc.oneof(
      { weight: 2, arbitrary: fc.constant<Command>(new Publish()) },
      fc.constant<Command>(new Rollback()),
    ),
  ],
  { maxCommands: 16, size: "max" },
);

function simulate(
  { publications }: History,
  newest: number,
  states: Record<string, SourceState>,
): ReadonlyMap<string, SimulatedSource> {
  const treeOf = (lag: number) => (publications[Math.max(0, newest - lag)] as Publication).tree;
  return new Map(
    Object.entries(states).map(([url, { behind, fault, etags, ranges }]) => [
      url,
      { content: treeOf(behind.content), settings: treeOf(behind.settings), fault, etags, ranges },
    ]),
  );
}

function expectReport(report: Report, expected: Prediction): void {
  const attempts = report.attempts.map(({ url, delivered, code }) => ({ url, delivered, code }));
  expect(attempts.map(({ url, delivered }) => ({ url, delivered }))).toEqual(
    expected.attempts.map(({ url, delivered }) => ({ url, delivered })),
  );
  for (const [index, { code, url }] of attempts.entries()) {
    expect(expected.attempts[index]?.codes ?? [undefined], url).toContain(code);
  }
  const { outcome, exitCode, undelivered, sourceList } = report;
  expect({ outcome, exitCode, undelivered, sourceList: sourceList.from }).toEqual({
    outcome: expected.outcome,
    exitCode: expected.exitCode,
    undelivered: expected.undelivered,
    sourceList: expected.sourceList,
  });
}

/** The time that a run believes in: it is never before the newest signed one, from which a clock may be a day off. */
function timeOf(clock: Date, floor: string | undefined): Date | undefined {
  const newest = Date.parse(floor ?? "1970-01-01");
  if (clock.getTime() >= newest) return clock;
  return newest - clock.getTime() < 24 * HOUR ? new Date(newest) : undefined;
}

/** Releases that a policy in force holds, which may be lower ones. */
function heldReleases({ trusted }: Observed): Record<string, number> {
  const bytes = trusted.settings.documents.get("settings/policies/default.json");
  return bytes === undefined ? {} : parsePolicy(JSON.parse(bytes.toString())).holds;
}

function tally({ count }: Model, what: string): void {
  count[what] = (count[what] ?? 0) + 1;
}
