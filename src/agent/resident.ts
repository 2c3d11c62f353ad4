import type { Config } from "../config/configSchema.ts";
import type { Log } from "../config/log.ts";
import type { AgentHealth } from "../core/agentHealth.ts";
import { followedBefore } from "../core/settings/schedule.ts";
import { explainError, NearsourceError } from "../errors.ts";
import { dataDirAt } from "../store/dataDir.ts";
import { takeLock } from "../store/lock.ts";
import { notifyDelay, wishDelay } from "../tuf/notification.ts";
import { openChannels } from "./channels/channels.ts";
import { Notifications, type Verdict } from "./channels/notifications.ts";
import { follow, learnDomain, noticeOthers } from "./followInstructions.ts";
import type { Instructions } from "./instructions.ts";
import { noticeRuns } from "./otherRuns.ts";
import { Role, type StartRelay } from "./relayRole.ts";
import { CLOCK, type ResidentParts, withOwnPort } from "./residentParts.ts";
import { run } from "./residentRun.ts";
import { openResidentDir, type ResidentDir } from "./residentState.ts";
import { openJournal } from "./runHistory.ts";
import { Scheduler } from "./scheduler.ts";

export interface ResidentOptions {
  instructions: Instructions;
  /** Level of the runs' messages on stderr. */
  level: Config["log"]["level"];
  log: Log;
  /** Loads and starts the server of other agents; called once the role is granted. */
  startRelay?: StartRelay | undefined;
}

/** The agent that stays: it runs on its schedule, on notifications, and otherwise waits. */
export interface Resident {
  /**
   * Follows other instructions from now on, as after a change of the configuration.
   *
   * @throws NearsourceError CONFIG_INVALID where that takes a restart; nothing has changed then
   */
  reload(instructions: Instructions): Promise<void>;
  /** Ends it, and the current run; bytes that it has fetched are kept. */
  stop(): Promise<void>;
}

/**
 * Starts the resident agent on a data directory that no other one has.
 *
 * @throws NearsourceError LOCKED, and of the storage phase
 */
export async function startResident(options: ResidentOptions): Promise<Resident> {
  const dir = await openResidentDir(options.instructions.config.dataDir);
  const lock = await takeLock(dir.root, { role: "agent" });
  const parts = await createParts(options, dir);
  void parts.role.grant(parts.instructions);
  await listen(parts);
  for (const remark of options.instructions.remarks) options.log.warn(remark);
  parts.scheduler.start();
  const endWriting = writeServing(parts);
  const endNoticing = noticeRuns(options.instructions.config.dataDir, CLOCK, () => void noticeOthers(parts));
  return {
    reload: (instructions) => reload(parts, instructions),
    stop: async () => {
      endNoticing();
      endWriting();
      await Promise.all([parts.scheduler.stop(), parts.channels?.close(), parts.role.close()]);
      parts.journal.plan(parts.scheduler);
      await parts.journal.close();
      lock.release();
    },
  };
}

async function createParts(
  { instructions, level, log, startRelay }: ResidentOptions,
  dir: ResidentDir,
): Promise<ResidentParts> {
  const journal = await openJournal(dir, CLOCK.now(), (error) =>
    log.warn(`what this agent does cannot be written for nearsource status: ${explainError(error)}`),
  );
  const whyUnreached = () =>
    parts.channels?.port ? undefined : (parts.channels?.portFailure ?? "it listens at no port");
  const startOwn: StartRelay | undefined =
    startRelay &&
    ((relay) => startRelay({ ...relay, config: withOwnPort(relay.config, () => parts.channels) }));
  const role = new Role({ log, startRelay: startOwn, whyUnreached, clock: CLOCK, random: Math.random });
  const dirs = dataDirAt(instructions.config.dataDir);
  const notifications = new Notifications({ dirs, roots: () => parts.instructions.roots, now: CLOCK.now });
  const scheduler: Scheduler = new Scheduler({
    agentId: instructions.agentId,
    schedule: instructions.schedule,
    followed: followedBefore({ ...journal.before, succeeded: instructions.succeeded }),
    clock: CLOCK,
    random: Math.random,
    run: (trigger, signal) => run(parts, trigger, signal),
    onError: (error) => log.error(`the update could not be run: ${explainError(error)}`),
    onChange: () => {
      journal.plan(scheduler);
      void noticeOthers(parts);
    },
  });
  const parts: ResidentParts = {
    ...{ instructions, channels: undefined, dir, level, log, journal, role, notifications, scheduler },
    sets: instructions.sets,
  };
  return parts;
}

/** Interval (ms) at which the content of an Update Agent is written for `status`. */
const WRITE_INTERVAL = 2_000;

/**
 * Writes the content that this agent serves, for as long as it is there; returns a function that ends that.
 */
function writeServing({ journal, role }: ResidentParts): () => void {
  let cancel = () => {};
  const write = () => {
    journal.serves(role.watched()?.health());
    cancel = CLOCK.after(WRITE_INTERVAL, write);
  };
  write();
  return () => cancel();
}

/** Connects to the world as it is configured. */
async function listen(parts: ResidentParts): Promise<void> {
  const { instructions, dir, notifications, role, journal, log } = parts;
  parts.channels = await openChannels({
    ...{ instructions, dir, notifications, role, log },
    receive: (text) => receive(parts, text),
    runNow: () => runNow(parts),
    describe: () => describe(parts),
    onDomain: (domain) => void learnDomain(parts, domain),
    onPort: (port, failure) => journal.listens(port, failure),
    clock: CLOCK,
    random: Math.random,
  });
}

/** The modules that read the state of the runs are loaded when a monitor first asks. */
async function describe({ instructions, channels, journal }: ResidentParts): Promise<AgentHealth> {
  const { describeHealth } = await import("./health.ts");
  const { config, role } = instructions;
  const dirs = dataDirAt(config.dataDir);
  return await describeHealth({ dirs, role, port: channels?.port ?? null, resident: journal.state });
}

async function receive(
  { notifications, instructions, scheduler, role, log }: ResidentParts,
  text: string,
): Promise<Verdict> {
  const verdict = await notifications.receive(text);
  if (verdict !== "new") return verdict;
  role.refresh();
  const delay = notifyDelay(instructions.window, instructions.role, Math.random());
  log.info(`notified of something newer: an update follows in ${Math.round(delay / 1_000)} s`);
  scheduler.ask("notify", delay);
  return verdict;
}

/** A run that the server has asked for, over this agent's own connection: it does what a scheduled one does, and no more often than is bounded. */
function runNow(parts: ResidentParts): void {
  const { instructions, scheduler, log } = parts;
  const now = CLOCK.now();
  const spread = notifyDelay(instructions.window, instructions.role, Math.random());
  const delay = wishDelay(spread, parts.wishedFor, now);
  parts.wishedFor = now + delay;
  log.info(`the server asks for a run: it follows in ${Math.round(delay / 1_000)} s`);
  scheduler.ask("notify", delay);
}

async function reload(parts: ResidentParts, instructions: Instructions): Promise<void> {
  if (instructions.config.dataDir !== parts.instructions.config.dataDir) {
    throw new NearsourceError("CONFIG_INVALID", "another dataDir takes a restart", {
      hint: "stop this agent, and start it again",
    });
  }
  await parts.channels?.close();
  parts.journal.listens(null);
  follow(parts, instructions);
  await listen(parts);
}
