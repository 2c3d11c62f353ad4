import { promises as fs, readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import { isLie } from "../../../src/core/order/disposition.ts";
import type { ErrorCode } from "../../../src/errors.ts";
import type { Attempt, UpdateEvent } from "../../../src/update/update.ts";
import { honestly, type RawAnswer, type RawServerOptions, startRawServer } from "../../support/rawServer.ts";
import { startSource } from "../../support/source.ts";
import {
  type Agent,
  expectInstalled,
  expectTidy,
  HASTY,
  type Line,
  makeAgent,
  objectOf,
  type Publication,
  payload,
  runUpdate,
  type World,
} from "../../support/world.ts";

/** A fault of the first source; what becomes of it is the same for all (see `meetUrl`). */
export interface Fault extends RawServerOptions {
  /** The behaviour of the source. */
  name: string;
  /** Its code in the report. */
  code: ErrorCode;
  /** Which requests are answered with the fault, the others being answered honestly; default: all. */
  on?: "all" | "timestamp" | "object";
  /** Whether it ends by a time-out, so that the run has short ones. */
  hasty?: boolean;
  /** Limits of its own instead. */
  http?: Record<string, number>;
  /** Number of times that the request that meets the fault is made. */
  tries?: number;
  /** So many bytes of the object were left by an earlier run. */
  partial?: number;
}

/** The object that the fault is about, out of those that agents of `meet` fetch. */
export const OBJECT = payload(2, "rules")["rules.dat"] ?? Buffer.alloc(0);
const OBJECT_HASH = objectOf(2, "rules");

const IS_FAULTED = {
  all: () => true,
  timestamp: (path: string) => path.endsWith("/timestamp.json"),
  object: (path: string) => path.endsWith(OBJECT_HASH),
};

/** Runs an update whose first source has `fault`, and holds it to what every such run must do. */
export async function meet(world: World, fault: Fault): Promise<Met> {
  const { on = "all", answer = () => {} } = fault;
  const honest = honestly(world.www(2));
  const choose: RawAnswer = (socket, request) => {
    return (IS_FAULTED[on](request.path) ? answer : honest)(socket, request);
  };
  const server = await startRawServer({ ...fault, answer: choose });
  try {
    const met = await meetUrl(world, server.url, fault);
    const tries = server.requests.filter(({ path }) => path === firstFaulted(server.requests, on)).length;
    if (fault.tries !== undefined) expect(tries).toBe(fault.tries);
    return { ...met, written: server.written() };
  } finally {
    await server.close();
  }
}

function firstFaulted(requests: { path: string }[], on: NonNullable<Fault["on"]>): string | undefined {
  return requests.find(({ path }) => IS_FAULTED[on](path))?.path;
}

export interface Met {
  attempt: Attempt;
  agent: Agent;
  lines: Line[];
  /** Bytes the faulty source has sent. */
  written: number;
}

export interface Meeting extends Pick<Fault, "code" | "hasty" | "http" | "partial"> {
  /** Publication that the agent has; 1 by default. */
  installed?: Publication;
  /** Web root of the honest source; that of the publication after the installed one by default. */
  honest?: string;
  /** Laid over the agent's configuration. */
  config?: Record<string, unknown>;
  now?: Date;
}

/**
 * Runs an update of an agent that has one publication, first from `url` and then from an honest source
 * with the next one. Whatever is wrong with `url`, the run ends updated, with exactly the published
 * bytes; until then the old set is whole; nothing is written outside, nothing is left behind; and what
 * was a lie is said at error level.
 */
export async function meetUrl(world: World, url: string, meeting: Meeting): Promise<Omit<Met, "written">> {
  const { code, hasty, partial, installed = 1, config, now } = meeting;
  const http = meeting.http ?? (hasty === true ? HASTY : {});
  const next = installed === 1 ? 2 : 3;
  const good = await startSource(meeting.honest ?? world.www(next));
  try {
    const agent = await makeAgent(world, {
      sources: { faulty: url, good: good.url },
      installed,
      config: { ...config, http },
    });
    if (partial !== undefined) await leavePartial(agent, partial);
    const atFault: boolean[] = [];
    const onEvent = (event: UpdateEvent) => {
      if (event.type === "attempt" && event.attempt.name === "faulty")
        atFault.push(hasStill(agent, installed));
    };
    const { report, lines } = await runUpdate(agent, { onEvent, now });
    const [attempt] = report.attempts;
    expect(report.attempts.map((each) => [each.name, each.code, each.outcome])).toEqual([
      ["faulty", code, "failed"],
      ["good", undefined, "delivered"],
    ]);
    expect(report).toMatchObject({ outcome: "updated", exitCode: 0, generation: 2, undelivered: [] });
    expect(atFault).toEqual([true]);
    await expectInstalled(agent, next);
    await expectTidy(agent);
    const levels = lines.filter(({ message }) => message.includes(`(${code})`)).map(({ level }) => level);
    // Other attempts at the same source are logged too, for those who ask for it.
    expect(levels.filter((level) => level !== "info")).toEqual([isLie(code) ? "error" : "warn"]);
    if (attempt === undefined) throw new Error("no attempt");
    return { attempt, agent, lines };
  } finally {
    await good.close();
  }
}

/** Whether a publication is installed whole at this very moment. */
function hasStill(agent: Agent, publication: Publication): boolean {
  return Object.entries(payload(publication, "rules")).every(([file, bytes]) =>
    readFileSync(path.join(agent.dataDir, "current/components/rules", file)).equals(bytes),
  );
}

async function leavePartial(agent: Agent, length: number): Promise<void> {
  await fs.writeFile(path.join(agent.dataDir, "partial", OBJECT_HASH), OBJECT.subarray(0, length));
}

/** The head of an answer; a `content-length` is the case's own to say. */
export function head(status: number, ...headers: string[]): string {
  return `HTTP/1.1 ${status} Some Reason\r\n${headers.map((each) => `${each}\r\n`).join("")}\r\n`;
}
