import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Site } from "./serversBehindNginx.ts";

interface LoadAgent {
  id: string;
  secret: string;
}

/** All that servers have acknowledged to the load. */
export interface Acknowledged {
  /** Start (ISO 8601) of each report, by agent. */
  reports: Map<string, Set<string>>;
  /** The URL that each version of the source list named. */
  saves: Map<number, string>;
  /** Versions of the settings' timestamp that each agent was answered with. */
  heard: Map<string, number[]>;
  /** Statuses of refusals, and whether each said when to come again. */
  refusals: { status: number; retryAfter: string | null }[];
}

/** Agents that report and hold requests, and an administrator who saves the source list, until it is stopped. */
export interface Load {
  agents: LoadAgent[];
  acknowledged: Acknowledged;
  stop(): Promise<void>;
}

/** Agents that enrol through nginx. */
export async function enrolAgents(site: Site, count: number): Promise<LoadAgent[]> {
  const agents: LoadAgent[] = [];
  for (let index = 0; index < count; index++) {
    const fingerprint = createHash("sha256").update(`machine ${index}`).digest("hex");
    const body = { name: `pc-${index}`, addresses: [`10.1.0.${index + 1}`], fingerprint, program: "0.1.0" };
    const answer = await send(`${site.agents}/v1/enrol`, "POST", body);
    agents.push(JSON.parse(answer?.text ?? "") as LoadAgent);
  }
  return agents;
}

export function startLoad(site: Site, agents: LoadAgent[]): Load {
  const stopping = new AbortController();
  const acknowledged: Acknowledged = { reports: new Map(), saves: new Map(), heard: new Map(), refusals: [] };
  const { signal } = stopping;
  const loops = [
    ...agents.map((agent) => reportAgain(site, agent, acknowledged, signal)),
    ...agents.map((agent) => pollAgain(site, agent, acknowledged, signal)),
    saveAgain(site, acknowledged, signal),
  ];
  return {
    agents,
    acknowledged,
    stop: async () => {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}

/** A report is sent until it is acknowledged, as agents do; then the next. */
async function reportAgain(
  site: Site,
  { id, secret }: LoadAgent,
  acknowledged: Acknowledged,
  signal: AbortSignal,
) {
  const own = new Set<string>();
  acknowledged.reports.set(id, own);
  for (let number = 0; !signal.aborted; number++) {
    const started = new Date(Date.now() + number).toISOString();
    const run = { started, ended: started, trigger: "schedule", program: "0.1.0" };
    const body = { ...run, report: { outcome: "updated", bytes: number } };
    for (let isTaken = false; !isTaken && !signal.aborted; ) {
      const answer = await send(`${site.agents}/v1/agents/${id}/report`, "PUT", body, bearer(secret));
      isTaken = answer?.status === 204;
      if (isTaken) own.add(started);
      else if (answer !== undefined) acknowledged.refusals.push(answer);
      await pause(isTaken ? 50 : 100, signal);
    }
  }
}

async function pollAgain(
  site: Site,
  { id, secret }: LoadAgent,
  acknowledged: Acknowledged,
  signal: AbortSignal,
) {
  const heard: number[] = [];
  acknowledged.heard.set(id, heard);
  for (let version = 0; !signal.aborted; ) {
    const url = `${site.agents}/v1/agents/${id}/notifications?settings=${version}&hold=5`;
    const answer = await send(url, "GET", undefined, bearer(secret), signal);
    if (answer?.status === 200) {
      version = (JSON.parse(answer.text) as { settings: { signed: { version: number } } }).settings.signed
        .version;
      heard.push(version);
    } else await pause(100, signal);
  }
}

async function saveAgain(site: Site, acknowledged: Acknowledged, signal: AbortSignal) {
  const headers = { cookie: site.cookie, "sec-fetch-site": "same-origin" };
  for (let number = 1; !signal.aborted; number++) {
    const url = `http://ua-${number}.example:21112`;
    const current = await send(`${site.console}/api/v1/source-list`, "GET", undefined, headers);
    if (current?.status === 200) {
      const list = { mode: "customized", entries: [{ range: "10.0.0.0/8", url }] };
      const ifMatch = { ...headers, "if-match": current.etag ?? "" };
      const saved = await send(`${site.console}/api/v1/source-list`, "PUT", list, ifMatch);
      if (saved?.status === 200)
        acknowledged.saves.set((JSON.parse(saved.text) as { version: number }).version, url);
      else if (saved !== undefined && saved.status >= 500) acknowledged.refusals.push(saved);
    }
    await pause(150, signal);
  }
}

function bearer(secret: string) {
  return { authorization: `Bearer ${secret}` };
}

async function pause(time: number, signal: AbortSignal): Promise<void> {
  await sleep(time, undefined, { signal }).catch(() => {});
}

/** One request; undefined where the connection failed. */
export async function send(
  url: string,
  method: string,
  body?: unknown,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<{ status: number; text: string; etag: string | null; retryAfter: string | null } | undefined> {
  try {
    const answer = await fetch(url, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
    const retryAfter = answer.headers.get("retry-after");
    return { status: answer.status, text: await answer.text(), etag: answer.headers.get("etag"), retryAfter };
  } catch {
    return undefined;
  }
}
