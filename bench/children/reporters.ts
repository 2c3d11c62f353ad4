/**
 * Agents that report, as a process of its own: so many reports a second, each of another agent, at their times
 * however long earlier ones take.
 *
 *     node reporters.ts '{ "port": …, "rate": …, "seconds": …, "agents": …, "connections": … }'
 *
 * Prints the times of acknowledged ones, from when they were due, and the numbers of all answers.
 */
import net from "node:net";
import { agentOf } from "../server/fleet.ts";

interface Load {
  port: number;
  rate: number;
  seconds: number;
  /** Agents of the fleet that report in turn. */
  agents: number;
  /** Kept connections that all share; 0 for one of its own for each report, as agents have it. */
  connections: number;
  /** Path that all of them report to, instead of their own. */
  path?: string;
}

const load: Load = JSON.parse(process.argv[2] ?? "");
const took: number[] = [];
const statuses: Record<string, number> = {};
let sent = 0;
let answered = 0;
const began = performance.now();

/** A report of an ordinary run, of about 1.2 kB. */
function reportOf(index: number, now: number): string {
  const { address } = agentOf(index);
  const ua = `ua-${index % 200}`;
  const attempt = (name: string, outcome: string) => ({
    rule: "custom",
    entry: index % 200,
    name,
    url: `http://${name}.corp.example:21112`,
    address: "10.9.0.5",
    kinds: ["components", "settings"],
    delivered: outcome === "delivered" ? ["components", "settings"] : [],
    outcome,
    ...(outcome === "failed"
      ? { code: "CONNECTION_REFUSED", message: `${name}.corp.example:21112 refused the connection` }
      : {}),
    ms: 31,
    bytes: outcome === "delivered" ? 20_110 : 0,
  });
  return JSON.stringify({
    started: new Date(now - 2_000).toISOString(),
    ended: new Date(now).toISOString(),
    trigger: "schedule",
    program: "0.1.0",
    port: 21_112,
    report: {
      outcome: "updated",
      trigger: "schedule",
      exitCode: 0,
      addresses: [address],
      sourceList: { version: 7, from: "server" },
      attempts: [...(index % 5 === 0 ? [attempt("ua-old", "failed")] : []), attempt(ua, "delivered")],
      skipped: [],
      installed: [
        {
          component: "virus-pattern",
          kind: "components",
          fromVersion: "17.121.00",
          toVersion: "17.123.00",
          via: "delta",
          bytes: 18_233,
        },
      ],
      generation: 12,
      bytes: 20_110,
    },
  });
}

function requestOf(index: number): string {
  const { id, secret } = agentOf(index);
  const body = reportOf(index, Date.now());
  const path = load.path ?? `/v1/agents/${id}/report`;
  const end = load.connections === 0 ? "connection: close\r\n" : "";
  return `PUT ${path} HTTP/1.1\r\nhost: 127.0.0.1:${load.port}\r\nuser-agent: nearsource/0.1.0\r\naccept: application/json\r\nauthorization: Bearer ${secret}\r\ncontent-type: application/json\r\n${end}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

interface Place {
  socket: net.Socket;
  due: number;
}
const free: Place[] = [];
/** Reports that found no kept connection free, by when they were due. */
const waiting: number[] = [];

function connect(due: number | undefined): void {
  const socket = net.connect({ port: load.port, host: "127.0.0.1", noDelay: true });
  const place: Place = { socket, due: due ?? 0 };
  socket.on("data", (bytes) => note(place, bytes.toString("latin1", 9, 12)));
  socket.on("error", () => {
    if (load.connections === 0) note(place, "error");
  });
  if (due === undefined) socket.once("connect", () => rest(place));
  else socket.write(requestOf(next()));
}

function next(): number {
  // Neighbours in time are far apart in the database, as agents with splays are.
  return (sent++ * 40_503) % load.agents;
}

function rest(place: Place): void {
  const due = waiting.shift();
  if (due === undefined) free.push(place);
  else send(place, due);
}

function send(place: Place, due: number): void {
  place.due = due;
  place.socket.write(requestOf(next()));
}

function note(place: Place, status: string): void {
  statuses[status] = (statuses[status] ?? 0) + 1;
  if (status === "204") took.push(performance.now() - place.due);
  answered++;
  if (load.connections > 0) rest(place);
  else place.socket.destroy();
}

for (let index = 0; index < load.connections; index++) connect(undefined);
let due = began;
const ticking = setInterval(() => {
  const now = performance.now();
  for (; due <= now && due - began < load.seconds * 1_000; due += 1_000 / load.rate) {
    const place = free.pop();
    if (load.connections === 0) connect(due);
    else if (place === undefined) waiting.push(due);
    else send(place, due);
  }
  if (now - began < load.seconds * 1_000 || (answered < sent && now - began < load.seconds * 1_000 + 20_000))
    return;
  clearInterval(ticking);
  const sorted = took.toSorted((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
  const figures = { sent, taken: took.length, statuses, p50: at(0.5), p99: at(0.99), most: at(1) };
  process.stdout.write(JSON.stringify({ ...figures, seconds: (performance.now() - began) / 1_000 }), () =>
    process.exit(),
  );
}, 5);
