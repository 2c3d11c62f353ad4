/**
 * Agents that wait for notifications, as a process of its own: each over a connection of its own, and once told,
 * it asks again, "runs", and reports.
 *
 *     node pollers.ts '{ "port": …, "agents": …, "from": …, "path": … }'
 *
 * Sends `held` to its parent once all wait, and, when told to `stop`, the numbers of those told and reported.
 */
import net from "node:net";
import { agentOf } from "../server/fleet.ts";

interface Load {
  port: number;
  agents: number;
  /** Number of the first. */
  from: number;
  /** Version of the settings' timestamp that they hold. */
  settings?: number;
  /** A path without a long poll: connections that are idle once it was answered. */
  path?: string;
}

const load: Load = JSON.parse(process.argv[2] ?? "");
/** Connections that are made at a time. */
const AT_ONCE = 100;

interface Agent {
  id: string;
  secret: string;
  versions: { content: number; settings: number };
  state: "connecting" | "waiting" | "reporting";
  told: number;
  reported: number;
}

const sockets: net.Socket[] = [];
const agents: Agent[] = [];
let held = 0;
let connecting = 0;
const statuses: Record<string, number> = {};

function ask(agent: Agent, socket: net.Socket): void {
  const { id, secret, versions } = agent;
  const path =
    load.path ??
    `/v1/agents/${id}/notifications?content=${versions.content}&settings=${versions.settings}&hold=300`;
  socket.write(
    `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${load.port}\r\nuser-agent: nearsource/0.1.0\r\naccept: application/json\r\nauthorization: Bearer ${secret}\r\nconnection: keep-alive\r\n\r\n`,
  );
}

function report(agent: Agent, socket: net.Socket): void {
  const at = new Date().toISOString();
  const body = JSON.stringify({
    started: at,
    ended: at,
    trigger: "notify",
    program: "0.1.0",
    report: { outcome: "current", bytes: 0, attempts: [] },
  });
  socket.write(
    `PUT /v1/agents/${agent.id}/report HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${agent.secret}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
}

/** Reads one answer; what follows depends on what was asked. */
function hear(agent: Agent, socket: net.Socket, text: string): void {
  const status = text.slice(9, 12);
  statuses[status] = (statuses[status] ?? 0) + 1;
  if (load.path !== undefined) {
    noteHeld(agent);
    return;
  }
  if (agent.state === "waiting" && status === "200") {
    const body = JSON.parse(text.slice(text.indexOf("\r\n\r\n") + 4)) as Record<
      "content" | "settings",
      { signed: { version: number } } | undefined
    >;
    agent.versions.settings = body.settings?.signed.version ?? agent.versions.settings;
    agent.versions.content = body.content?.signed.version ?? agent.versions.content;
    agent.told++;
    agent.state = "reporting";
    // A run takes a moment, each another.
    setTimeout(() => report(agent, socket), Math.random() * 2_000);
  } else if (agent.state === "reporting" && status === "429") {
    setTimeout(() => report(agent, socket), 1_000 * Number(/retry-after: (\d+)/i.exec(text)?.[1] ?? 1));
  } else {
    if (agent.state === "reporting") agent.reported++;
    agent.state = "waiting";
    ask(agent, socket);
  }
}

function noteHeld(agent: Agent): void {
  if (agent.state !== "connecting") return;
  agent.state = "waiting";
  connecting--;
  if (++held === load.agents) process.send?.("held");
}

function start(index: number): void {
  connecting++;
  const { id, secret } = agentOf(load.from + index);
  const agent: Agent = {
    id,
    secret,
    versions: { content: 0, settings: load.settings ?? 0 },
    state: "connecting",
    told: 0,
    reported: 0,
  };
  agents.push(agent);
  const socket = net.connect({ port: load.port, host: "127.0.0.1", noDelay: true });
  sockets.push(socket);
  socket.once("connect", () => {
    ask(agent, socket);
    if (load.path !== undefined) return;
    // Held, as far as can be seen from here.
    setTimeout(() => noteHeld(agent), 100);
  });
  socket.on("data", (bytes) => hear(agent, socket, bytes.toString("latin1")));
  socket.on("error", () => {
    statuses.error = (statuses.error ?? 0) + 1;
  });
}

let started = 0;
const starting = setInterval(() => {
  while (connecting < AT_ONCE && started < load.agents) start(started++);
  if (started === load.agents) clearInterval(starting);
}, 2);

process.on("message", () => {
  const told = agents.filter((each) => each.told > 0).length;
  const reported = agents.filter((each) => each.reported > 0).length;
  process.send?.({ told, reported, statuses });
});
process.on("disconnect", () => process.exit());
