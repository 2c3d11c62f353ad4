import type { Config } from "../config/configSchema.ts";
import type { Log } from "../config/log.ts";
import { isMove } from "../core/settings/domainName.ts";
import type { Trigger } from "../core/settings/schedule.ts";
import { explainError } from "../errors.ts";
import { dataDirAt } from "../store/dataDir.ts";
import { writeDomain } from "../store/state/givenDomain.ts";
import { openOwnExchange } from "./channels/openOwnExchange.ts";
import { machineFacts } from "./machineFacts.ts";
import { isResident, openResidentDir } from "./residentState.ts";
import type { RunEnd } from "./runProcess.ts";
import { describeRun, queueReport, sendWaiting } from "./runReports.ts";

/** Longest time (ms) that a command waits for the server to take the report of its run. */
const PATIENCE = 5_000;

/** A run that a command made, by hand or by a timer. */
export interface RunByHand {
  trigger: Trigger;
  /** Time (ms since the epoch) when it began. */
  started: number;
  end: RunEnd;
}

export interface Reporter {
  config: Config;
  server: string;
  agentId: string;
  log: Log;
}

/**
 * Reports the run of a command to the server that enrolled this machine. A resident agent sends it, where there is
 * one; else it is sent now, and waits for the next run where the server does not take it. The run is what it was
 * either way: nothing is thrown.
 */
export async function reportByHand(reporter: Reporter, { trigger, started, end }: RunByHand): Promise<void> {
  const { dataDir } = reporter.config;
  try {
    const dir = await openResidentDir(dataDir);
    const facts = await machineFacts(reporter.config);
    await queueReport(dir.reports, describeRun(trigger, started, Date.now(), end, { facts }));
    if ((await isResident(dir)) !== true) await send(reporter, dir.reports);
  } catch (error) {
    reporter.log.debug(`the server has no report of this run yet: ${explainError(error)}`);
  }
}

async function send({ config, server, agentId, log }: Reporter, folder: string): Promise<void> {
  let moved: string | undefined;
  const onDomain = (domain: string) => {
    moved = domain;
  };
  const { home, exchange } = await openOwnExchange(server, { config, agentId, onDomain, log });
  try {
    const options = { folder, url: `${home}/report`, exchange, clock: { now: Date.now }, log };
    await sendWaiting(options, AbortSignal.timeout(PATIENCE));
    await exchange.settled();
  } finally {
    exchange.close();
  }
  if (moved === undefined || !isMove(config, moved)) return;
  await writeDomain(dataDirAt(config.dataDir), moved);
  log.info(`the server has this agent in the domain ${moved} now: the next run goes by it`);
}
