import path from "node:path";
import { json, text } from "node:stream/consumers";
import { startOwn } from "../../config/ownProcess.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import type { ServerConfig } from "../serverConfig.ts";
import { countOf } from "../store/countOf.ts";
import { openDatabase } from "../store/database.ts";
import { answerOfFleet } from "./fleetChange.ts";
import type { FleetAnswer, FleetQuestion } from "./fleetQuestion.ts";

/**
 * Up to this many agents, and entries of a list, a question is answered at once, in some 20 ms; for more, another process
 * looks at them.
 */
const FEW = { agents: 1_000, entries: 200 };
/** Longest time (ms) that process may take to answer, and to plan agents: what it has written by then stays. */
const LONGEST = { answer: 60_000, plan: 600_000 };
/** Questions that wait for the one before, at most. */
const WAITING = 8;

/** The last question that was asked by this process, and how many there are. */
let turn: Promise<unknown> = Promise.resolve();
let waiting = 0;

/**
 * Answers a question by the whole fleet.
 *
 * @throws Problem UNAVAILABLE
 */
export async function askFleet<Question extends FleetQuestion>(
  context: Pick<Context, "config" | "database" | "askElsewhere">,
  question: Question,
): Promise<FleetAnswer<Question>> {
  const { config, database, askElsewhere } = context;
  const count = await countOf(database.db.selectFrom("agents"));
  const isSmall = count <= FEW.agents && entriesOf(question) <= FEW.entries;
  const answered =
    isSmall || askElsewhere === undefined
      ? await answerOfFleet(context, question)
      : "plan" in question
        ? await askElsewhere(config, question)
        : await inTurn(() => askElsewhere(config, question));
  return answered as FleetAnswer<Question>;
}

/** Entries of the list that is asked about, whatever its shape. */
function entriesOf(question: FleetQuestion): number {
  const list =
    "check" in question ? question.check : "effectOf" in question ? question.effectOf.list : undefined;
  return Array.isArray(list?.entries) ? list.entries.length : 0;
}

/** One after the other: each holds the whole fleet in memory, as planning does not. */
async function inTurn<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  if (waiting >= WAITING) {
    throw new Problem(
      "UNAVAILABLE",
      "too many questions of the whole fleet at once: ask again in a few seconds",
      { retryAfter: 5 },
    );
  }
  waiting++;
  const asked = turn.then(ask).finally(() => waiting--);
  turn = asked.catch(() => {});
  return await asked;
}

/** Has this program, started once more, read the fleet and answer. */
export async function askOwnProcess(config: ServerConfig, question: FleetQuestion): Promise<unknown> {
  const child = startOwn(["answer-for-server"]);
  const timer = setTimeout(() => child.kill("SIGKILL"), "plan" in question ? LONGEST.plan : LONGEST.answer);
  child.stdin?.on("error", () => {}).end(JSON.stringify({ config, question }));
  try {
    if (child.stdout === null) throw new Error("it has no output");
    await new Promise((started, fail) => child.once("spawn", started).once("error", fail));
    return JSON.parse(await text(child.stdout));
  } catch (cause) {
    throw new Problem(
      "UNAVAILABLE",
      "the whole fleet could not be looked at: try again; the server's log has the reason",
      { cause },
    );
  } finally {
    clearTimeout(timer);
  }
}

/** The other side of `askOwnProcess`: the question on standard input. */
export async function answerForServer(input: NodeJS.ReadableStream): Promise<unknown> {
  const { config, question } = (await json(input)) as { config: ServerConfig; question: FleetQuestion };
  const database = await openDatabase(config.database, (file) => path.resolve(config.dir, file));
  try {
    return await answerOfFleet({ config, database }, question);
  } finally {
    await database.close();
  }
}
